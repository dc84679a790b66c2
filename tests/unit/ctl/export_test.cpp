// Names a sender chose, and the folder an export is written into.
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "milter/base/text.h"
#include "milter/ctl/export_folder.h"

using namespace direct;
using namespace direct::ctl;
namespace fs = std::filesystem;

namespace {

struct Room {
    fs::path path = fs::temp_directory_path() / ("export-test-" + hex(random_bytes(6)));
    Room() { fs::create_directories(path); }
    ~Room() { fs::remove_all(path); }
    std::size_t entries() const
    {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(path), fs::directory_iterator{}));
    }
};

unsigned mode_of(const fs::path& path)
{
    struct stat s {};
    return ::stat(path.c_str(), &s) == 0 ? s.st_mode & 0777u : 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_senders_file_name_leads_nowhere)
{
    for (const auto& [given, kept] : {std::pair<std::string, std::string>{"ccd.xml", "ccd.xml"},
                                      {"../../etc/passwd", "passwd"},
                                      {"C:\\windows\\evil.exe", "evil.exe"},
                                      {"..", ""},
                                      {".hidden", "hidden"},
                                      {"-rf", "rf"},
                                      {"", ""},
                                      {"a\nb\r\0c.xml", "a_b"},
                                      {"two  words; rm *.xml", "two_words_rm_.xml"},
                                      {"\xe2\x80\xaelmx.exe", "lmx.exe"},
                                      {"caf\xc3\xa9.pdf", "caf\xc3\xa9.pdf"},
                                      {"\xe8\xa8\xba\xe6\x96\xad.pdf", "\xe8\xa8\xba\xe6\x96\xad.pdf"},
                                      {"\xef\xbb\xbfx\xff\xfe.xml", "x_.xml"},
                                      {"a\xc2\x85\xc2\xa0z", "a_z"},
                                      {"x\x1b[31m.txt", "x_31m.txt"},
                                      {"end.", "end"},
                                      {"dir/", ""}})
        BOOST_TEST(safe_file_name(given) == kept, hex(given) << " gives " << safe_file_name(given));
    std::string longest = std::string(300, 'a') + ".xml";
    BOOST_TEST(safe_file_name(longest).size() == export_name_max);
    BOOST_TEST(safe_file_name(longest).ends_with(".xml"));
    longest.clear();
    for (int i = 0; i < 100; ++i) longest += "\xe8\xa8\xba";
    BOOST_TEST(valid_utf8(safe_file_name(longest + "x")));
}

BOOST_AUTO_TEST_CASE(a_folder_is_there_whole_or_not_at_all)
{
    Room room;
    const auto place = room.path / "out";
    {
        auto folder = ExportFolder::make(place, "");
        BOOST_REQUIRE(folder);
        BOOST_TEST(!fs::exists(place));
        ExportFile file((*folder)->files(), "a.xml");
        BOOST_TEST(file.write("bytes").has_value());
        BOOST_TEST(file.finish().value() == sha256("bytes"));
        BOOST_TEST((*folder)->finish().has_value());
    }
    BOOST_TEST(mode_of(place) == 0700u);
    BOOST_TEST(mode_of(place / "files") == 0700u);
    BOOST_TEST(mode_of(place / "files/a.xml") == 0600u);
    BOOST_TEST(room.entries() == 1u);
    {
        auto given_up = ExportFolder::make(room.path / "other/", "");
        BOOST_REQUIRE(given_up);
        BOOST_TEST(room.entries() == 2u);
    }
    BOOST_TEST(room.entries() == 1u);
}

BOOST_AUTO_TEST_CASE(nothing_is_written_over)
{
    Room room;
    fs::create_directory(room.path / "there");
    fs::create_symlink(room.path / "nowhere", room.path / "link");
    for (const char* name : {"there", "link", "there/", ".", ".."}) {
        auto folder = ExportFolder::make((room.path / name).string(), "");
        BOOST_TEST(!folder, name);
    }
    auto folder = ExportFolder::make(room.path / "new", "");
    BOOST_REQUIRE(folder);
    fs::create_directory(room.path / "new");  // somebody was faster: even an empty folder stays his
    BOOST_TEST(!(*folder)->finish());
    ExportFile one((*folder)->files(), "a"), two((*folder)->files(), "a");
    BOOST_TEST(one.write("x").has_value());
    BOOST_TEST(!two.write("y"));
    BOOST_TEST(!ExportFolder::make(room.path / "no/such/place", ""));
}
