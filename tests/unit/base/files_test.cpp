#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "milter/base/text.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

using namespace direct;

BOOST_AUTO_TEST_SUITE(files)

BOOST_AUTO_TEST_CASE(written_files_are_whole_and_closed_to_others)
{
    const test::Scratch dir;
    const auto path = dir / "key.pem";
    test::write_file(path, "old and longer");
    const auto old_mask = ::umask(0777);
    const auto status = write_file_durably(path, "new", 0640);
    ::umask(old_mask);
    BOOST_REQUIRE(status.has_value());
    struct stat info {};
    BOOST_REQUIRE(::stat(path.c_str(), &info) == 0);
    BOOST_TEST((info.st_mode & 07777) == 0640U);
    BOOST_TEST(*read_whole_file(path, 3) == "new");
    // Nothing of the way there is left.
    BOOST_TEST(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
}

BOOST_AUTO_TEST_CASE(a_link_is_replaced_not_followed)
{
    const test::Scratch dir;
    test::write_file(dir / "victim", "untouched");
    std::filesystem::create_symlink(dir / "victim", dir / "name");
    BOOST_REQUIRE(write_file_durably(dir / "name", "mine", 0600).has_value());
    BOOST_TEST(test::read_file(dir / "victim") == "untouched");
    BOOST_TEST(!std::filesystem::is_symlink(dir / "name"));
}

BOOST_AUTO_TEST_CASE(faults_name_the_file)
{
    const test::Scratch dir;
    const auto missing = read_whole_file(dir / "missing", 10);
    BOOST_REQUIRE(!missing);
    BOOST_TEST((missing.error().reason == Reason::configuration));
    BOOST_TEST(missing.error().why.find("missing: No such file") != std::string::npos);

    test::write_file(dir / "eleven", "12345678901");
    BOOST_TEST(read_whole_file(dir / "eleven", 11).has_value());
    const auto big = read_whole_file(dir / "eleven", 10);
    BOOST_REQUIRE(!big);
    BOOST_TEST(big.error().why.find("eleven: larger than 10") != std::string::npos);
    BOOST_TEST(!read_whole_file(dir.path(), 10));
    BOOST_TEST(!write_file_durably(dir / "no/such/folder", "x", 0600));

    // The target cannot be replaced: the fault is told and nothing is left beside it.
    std::filesystem::create_directory(dir / "taken");
    BOOST_TEST(!write_file_durably(dir / "taken", "x", 0600));
    BOOST_TEST(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 2);
}

BOOST_AUTO_TEST_SUITE_END()
