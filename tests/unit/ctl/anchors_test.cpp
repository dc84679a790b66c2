// Anchors from any kind of file; bundles in the configuration; what check says of both.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "milter/base/text.h"
#include "milter/ctl/bundle_toml.h"
#include "milter/ctl/stored_zip.h"
#include "tests/support/test_bundle.h"
#include "tests/unit/ctl/run_ctl.h"

using namespace direct;
using namespace direct::test;
namespace fs = std::filesystem;

namespace {

/// What is added lies in <anchors>/direct.example.org; the two of the trial site are not counted.
struct Fixture {
    TrialSite site;
    std::string folder = site.dir + "/anchors/direct.example.org";
    std::size_t before = stored();
    Issued a = issue({.name = "A", .ca = true}, ec_key()), b = issue({.name = "B", .ca = true}, ec_key());
    Issued old = issue({.name = "Old", .ca = true, .from_days = -9, .to_days = -1}, ec_key());
    Issued end = issue({.name = "End", .san = {"DNS:end.example"}}, ec_key());

    std::size_t stored() const
    {
        std::size_t n = 0;
        for (const auto& e : fs::recursive_directory_iterator(folder)) n += e.is_regular_file();
        return n;
    }
    std::string file(const std::string& name, const std::string& bytes) const
    {
        write_file(site.scratch / name, bytes);
        return site.scratch / name;
    }
    Outcome add(const std::vector<std::string>& arguments) const
    {
        std::vector<std::string> all = {"anchor", "add"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        return site.run(all);
    }
};

bool has(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

/// A zip made by python: deflated, with whatever names and sizes the script asks for.
std::string python_zip(const Scratch& scratch, const std::string& script)
{
    auto path = scratch / "made.zip";
    write_file(scratch / "make.py",
               "import zipfile, sys\nz = zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED)\n" + script +
                   "\nz.close()\n");
    run("python3 " + scratch / "make.py" + " " + path);
    return path;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(anchors, Fixture)

BOOST_AUTO_TEST_CASE(expired_ones_are_never_stored_and_end_certificates_only_when_asked_for)
{
    auto all = file("all.pem", pem_of(a.certificate) + pem_of(old.certificate) + pem_of(end.certificate));
    auto done = add({all, "--yes"});
    BOOST_TEST(done.exit == 0, done.err);
    BOOST_TEST(has(done.out, "left out: CN=Old: expired on"), done.out);
    BOOST_TEST(has(done.out, "left out: CN=End: no CA certificate"), done.out);
    BOOST_TEST(stored() == before + 1);
    BOOST_TEST(add({file("old.pem", pem_of(old.certificate)), "--yes", "--end-certificates"}).exit == 1);
    BOOST_TEST(add({file("end.pem", pem_of(end.certificate)), "--yes"}).exit == 1);
    BOOST_TEST(stored() == before + 1);
    BOOST_TEST(add({file("end.pem", pem_of(end.certificate)), "--yes", "--end-certificates"}).exit == 0);
    BOOST_TEST(stored() == before + 2);
}

BOOST_AUTO_TEST_CASE(directions_are_folders)
{
    BOOST_TEST(add({file("a.pem", pem_of(a.certificate)), "--yes", "--in"}).exit == 0);
    BOOST_TEST(fs::exists(folder + "/in/" + a.certificate.fingerprint() + ".pem"));
    BOOST_TEST(add({file("b.pem", pem_of(b.certificate)), "--yes", "--out"}).exit == 0);
    BOOST_TEST(fs::exists(folder + "/out/" + b.certificate.fingerprint() + ".pem"));
}

BOOST_AUTO_TEST_CASE(signed_and_unusual_bundles_give_what_they_carry)
{
    Issued signer = issue({.name = "Signer", .ca = true}, ec_key());
    auto bytes = p7m(p7b({{a.certificate, b.certificate}, "", true}), {{&signer}});
    auto done = add({file("bundle.p7m", bytes), "--yes"});
    BOOST_TEST(done.exit == 0, done.err);
    BOOST_TEST(stored() == before + 2);
    BOOST_TEST(!has(done.out, signer.certificate.fingerprint()));
}

BOOST_AUTO_TEST_CASE(a_zip_is_read_in_the_sandbox)
{
    file("a.pem", pem_of(a.certificate));
    file("b.der", std::string(b.certificate.der()));
    auto dir = site.scratch.path();
    auto zip =
        python_zip(site.scratch,
                   "import os\n"
                   "z.write('" +
                       dir +
                       "/a.pem', 'anchors/\\u00e4 one.pem')\n"
                       "z.write('" +
                       dir +
                       "/b.der', 'b.der')\n"
                       "z.write('" +
                       dir +
                       "/a.pem', '../../etc/passwd')\n"
                       "away = zipfile.ZipInfo('x')\naway.filename = '/absolute.pem'\nz.writestr(away, 'x')\n"
                       "z.writestr('README.txt', 'no certificate')\n"
                       "z.writestr('inner.zip', b'PK\\x03\\x04 nested')\n"
                       "z.writestr('bomb.pem', b'0' * 5000000)\n"
                       "link = zipfile.ZipInfo('link.pem'); link.create_system = 3\n"
                       "link.external_attr = 0o120777 << 16\n"
                       "z.writestr(link, '/etc/passwd')\n");
    auto shown = add({zip});
    BOOST_TEST(shown.exit == 1, shown.err);
    BOOST_TEST((has(shown.out, a.certificate.fingerprint()) && has(shown.out, b.certificate.fingerprint())),
               shown.out << shown.err);
    BOOST_TEST(stored() == before);
    auto done = add({zip, "--yes"});
    BOOST_TEST(done.exit == 0, done.err);
    BOOST_TEST(stored() == before + 2);
    for (const char* line :
         {"../../etc/passwd: its name leads out of the archive",
          "/absolute.pem: its name leads out of the archive", "README.txt: no certificate",
          "inner.zip: no certificate", "bomb.pem: larger than 512 KB", "link.pem: no plain file"})
        BOOST_TEST(has(done.out, line), line << "\n" << done.out);
}

BOOST_AUTO_TEST_CASE(zips_beyond_the_limits_give_nothing)
{
    file("a.pem", pem_of(a.certificate));
    auto in = site.scratch / "a.pem";
    auto refused = [&](const std::string& script, const std::string& why) {
        auto done = add({python_zip(site.scratch, "z.write('" + in + "', 'a.pem')\n" + script), "--yes"});
        BOOST_TEST(done.exit == 2, done.out);
        BOOST_TEST(has(done.err, why), done.err);
    };
    refused("for i in range(2000): z.writestr(str(i), b'')", "more than 2000 entries");
    refused("for i in range(20): z.writestr(str(i), b'0' * 500000)", "more than 8 MB unpacked");
    auto broken = read_file(python_zip(site.scratch, "z.write('" + in + "', 'a.pem')"));
    BOOST_TEST(add({file("cut.zip", broken.substr(0, broken.size() / 2)), "--yes"}).exit == 2);
    BOOST_TEST(add({file("huge.zip", broken + std::string(9 << 20, 'x')), "--yes"}).exit == 2);
    BOOST_TEST(stored() == before);
}

BOOST_AUTO_TEST_CASE(what_is_exported_can_be_added_again)
{
    auto zip = site.run({"anchor", "export", "--zip"});
    BOOST_TEST(zip.exit == 0);
    auto path = file("export.zip", zip.out);
    BOOST_TEST(has(run("python3 -m zipfile -t " + path), "Done testing"));
    TrialSite other;
    auto done = other.run({"anchor", "add", path, "--yes"});
    BOOST_TEST(done.exit == 0, done.err);
    auto first = site.run({"anchor", "list", "--json"}).json()["anchors"],
         second = other.run({"anchor", "list", "--json"}).json()["anchors"];
    for (const auto& row : first)
        BOOST_TEST(std::count_if(second.begin(), second.end(),
                                 [&](const auto& r) { return r["fingerprint"] == row["fingerprint"]; }) == 1);
}

BOOST_AUTO_TEST_CASE(check_tells_what_ends_and_what_is_of_no_use)
{
    auto soon = [&](const char* name, int days) {
        return issue({.name = name, .ca = true, .to_days = days}, ec_key());
    };
    for (const auto& [name, days] : {std::pair{"in5", 5}, {"in20", 20}, {"in50", 50}, {"in90", 90}})
        add({file("x.pem", pem_of(soon(name, days).certificate)), "--yes"});
    add({file("weak.pem", pem_of(issue({.name = "weak", .ca = true}, rsa_key(0, 1024)).certificate)),
         "--yes"});
    fs::create_directories(site.dir + "/anchors/gone.example/in");
    write_file(site.dir + "/anchors/gone.example/in/b.pem", pem_of(b.certificate));
    auto json = site.run({"check", "--json", "--postfix", "/nonexistent"}).json();
    auto severity = [&](const std::string& part) -> std::string {
        for (const auto& f : json["findings"])
            if (has(f["what"], part)) return f["severity"];
        return "";
    };
    BOOST_TEST(severity("in5) expires") == "fault");
    BOOST_TEST(severity("in20) expires") == "warning");
    BOOST_TEST(severity("in50) expires") == "note");
    BOOST_TEST(severity("in90) expires") == "");
    BOOST_TEST(severity("anchor of no use: CN=weak") == "warning");
    BOOST_TEST(severity("gone.example is no [[domain]]") == "warning");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(bundles_in_the_configuration)

namespace {

std::string minimal(const std::string& domain_lines)
{
    return "# kept\n[[domain]]\nname = \"direct.example.org\"  # kept too\n" + domain_lines +
           "language = \"en\"\n\n[[domain]]\nname = \"other.example\"\n";
}

Result<std::string> edited(const std::string& toml)
{
    auto settings = parse_settings(toml, "/etc/direct/direct.toml");
    BOOST_REQUIRE_MESSAGE(settings, (settings ? "" : settings.error().why));
    BundleSettings bundle{"new", "https://b.example/x.p7b", "", milliseconds(3600000)};
    return ctl::with_bundle(toml, **settings, "direct.example.org", bundle, {"new", true, false});
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_bundle_is_added_and_nothing_else_changes)
{
    auto one = edited(minimal(""));
    BOOST_REQUIRE_MESSAGE(one, (one ? "" : one.error().why));
    BOOST_TEST(has(*one, "# kept too\nbundles = [ { name = \"new\", incoming = true, outgoing = false } ]\n"),
               *one);
    std::string had = "[[bundle]]\nname = \"a\"\nurl = \"https://a.example/\"\n\n";
    for (const char* list : {"bundles = [ { name = \"a\" } ]\n", "  bundles=[{name=\"a\"},]\n"}) {
        auto two = edited(had + minimal(list));
        BOOST_REQUIRE_MESSAGE(two, (two ? "" : two.error().why));
        auto settings = parse_settings(*two, "/etc/direct/direct.toml");
        BOOST_REQUIRE(settings);
        BOOST_TEST((*settings)->domain("direct.example.org")->bundles.size() == 2u);
        BOOST_TEST((*settings)->domain("other.example")->bundles.empty());
    }
    BOOST_TEST(edited(minimal("bundles = []\n")).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_written_otherwise_is_left_to_the_administrator)
{
    std::string had = "[[bundle]]\nname = \"a\"\nurl = \"https://a.example/\"\n\n";
    for (const char* list : {"bundles = [\n  { name = \"a\" } ]\n", "bundles = [ { name = \"a\" } ] # ]\n"}) {
        auto two = edited(had + minimal(list));
        BOOST_REQUIRE(!two);
        BOOST_TEST(has(two.error().why, "by hand"), two.error().why);
    }
}

BOOST_AUTO_TEST_SUITE_END()
