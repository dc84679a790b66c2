// A site of its own: made, looked at, given keys and anchors, asked to explain.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "milter/base/text.h"
#include "tests/unit/ctl/run_ctl.h"

using namespace direct;
using namespace direct::test;
namespace fs = std::filesystem;

namespace {

unsigned mode_of(const std::string& path)
{
    struct stat s {};
    BOOST_REQUIRE_MESSAGE(stat(path.c_str(), &s) == 0, path);
    return s.st_mode & 07777;
}

std::size_t files_in(const std::string& folder)
{
    std::size_t n = 0;
    std::error_code ignored;
    for (auto& e : fs::recursive_directory_iterator(folder, ignored)) n += e.is_regular_file();
    return n;
}

/// A self-signed certificate of OpenSSL's own making: NAME.crt, NAME.key in the scratch folder.
void make_pair(const Scratch& scratch, const std::string& name, const std::string& san,
               const std::string& more = "")
{
    run("openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 90 -subj /CN=" + name +
        " -addext subjectAltName=" + san + " -addext keyUsage=digitalSignature,keyEncipherment " + more +
        " -keyout " + scratch / (name + ".key") + " -out " + scratch / (name + ".crt"));
}

std::string plain_message(const std::string& from, const std::string& to)
{
    return "From: " + from + "\r\nTo: " + to +
           "\r\nSubject: OURSUBJECT\r\nMessage-ID: <t1@test.example>\r\nDate: Sun, 22 Nov 2026 03:10:00 "
           "+0000\r\n"
           "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nOURBODY\r\n";
}

}  // namespace

BOOST_AUTO_TEST_CASE(init_makes_a_site_with_the_right_modes_and_never_again)
{
    auto& site = shared_site();
    BOOST_REQUIRE_MESSAGE(site.made.exit == 0, site.made.out + site.made.err);
    BOOST_TEST(mode_of(site.dir + "/keys") == 0700u);
    BOOST_TEST(mode_of(site.dir + "/store") == 0700u);
    BOOST_TEST(mode_of(site.dir + "/anchors") == 0755u);
    BOOST_TEST(mode_of(site.dir + "/keys/store.key") == 0400u);
    BOOST_TEST(mode_of(site.dir + "/keys/pepper.key") == 0400u);
    BOOST_TEST(fs::file_size(site.dir + "/keys/store.key") == 32u);
    BOOST_TEST(mode_of(site.dir + "/keys/direct.example.org/direct.example.org.key") == 0400u);
    auto before = read_file(site.config) + read_file(site.dir + "/keys/store.key");
    auto again = ctl({"init", "--domain", "direct.example.org", "--dir", site.dir});
    BOOST_TEST(again.exit == 1);
    BOOST_TEST(again.out.find("already") != std::string::npos);
    BOOST_TEST(read_file(site.config) + read_file(site.dir + "/keys/store.key") == before);
    // A configuration that went missing comes back around the keys that are there.
    TrialSite other;
    auto key = read_file(other.dir + "/keys/store.key");
    fs::remove(other.config);
    BOOST_TEST(ctl({"init", "--domain", "direct.example.org", "--dir", other.dir}).exit == 0);
    BOOST_TEST((read_file(other.dir + "/keys/store.key") == key));
    BOOST_TEST(other.run({"store", "stat"}).exit == 0);
}

BOOST_AUTO_TEST_CASE(a_relative_folder_is_as_good_as_an_absolute_one)
{
    Scratch scratch;
    run("cd " + scratch.path() + " && " + build_dir() +
        "/bin/directctl init --domain d.example.org --dir here >/dev/null");
    BOOST_TEST(ctl({"settings", "--config", scratch / "here/direct.toml"}).exit == 0);
    BOOST_TEST(ctl({"store", "stat", "--config", scratch / "here/direct.toml"}).exit == 0);
}

BOOST_AUTO_TEST_CASE(a_trial_has_its_key_two_anchors_and_a_partner)
{
    auto& site = shared_site();
    auto keys = site.run({"key", "list", "--json"}).json();
    BOOST_REQUIRE(keys["keys"].size() == 1u);
    BOOST_TEST(keys["keys"][0]["name"] == "direct.example.org");
    BOOST_TEST(keys["keys"][0]["use"] == "sign+encrypt");
    BOOST_TEST(keys["findings"].empty());
    auto anchors = site.run({"anchor", "list", "--json"}).json();
    BOOST_TEST(anchors["anchors"].size() == 2u);
    BOOST_TEST(fs::exists(site.dir + "/certificates/partner.test/partner.test.crt"));
    BOOST_TEST(mode_of(site.dir + "/trial") == 0700u);
    auto exported = site.run({"anchor", "export"});
    write_file(site.scratch / "anchors.pem", exported.out);
    BOOST_TEST(run("openssl verify -CAfile " + site.scratch / "anchors.pem" + " " + site.dir +
                   "/certificates/partner.test/partner.test.crt")
                   .find("OK") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(check_tells_what_is_wrong_and_nagios_gets_one_line)
{
    auto& site = shared_site();
    auto json = site.run({"check", "--json", "--postfix", "/nonexistent"}).json();
    BOOST_REQUIRE(json.contains("findings"));
    for (const auto& f : json["findings"]) BOOST_TEST(!f["remedy"].get<std::string>().empty());
    auto nagios = site.run({"check", "--nagios", "--postfix", "/nonexistent"});
    BOOST_TEST(nagios.exit == 2);  // the daemon does not run
    BOOST_TEST(nagios.out.starts_with("DIRECT CRITICAL"));
    BOOST_TEST(std::count(nagios.out.begin(), nagios.out.end(), '\n') == 1);
    // In 340 days the certificate of a year is near its end.
    auto late = site.run({"check", "--json", "--postfix", "/nonexistent", "--time", "2099-01-01"});
    BOOST_TEST(late.exit == 1);
    BOOST_TEST(late.out.find("expired on") != std::string::npos);

    TrialSite bad;
    fs::permissions(bad.dir + "/keys/store.key", fs::perms(0644));
    fs::remove_all(bad.dir + "/anchors/direct.example.org");
    auto found = bad.run({"check", "--postfix", "/nonexistent"});
    BOOST_TEST(found.exit == 1);
    BOOST_TEST(found.out.find("store.key") != std::string::npos);
    BOOST_TEST(found.out.find("no anchor for incoming mail") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(anchors_are_shown_before_anything_is_stored)
{
    TrialSite site;
    make_pair(site.scratch, "ca", "DNS:ca.example", "-addext basicConstraints=critical,CA:TRUE");
    auto pem = site.scratch / "ca.crt", der = site.scratch / "ca.der", p7b = site.scratch / "ca.p7b";
    run("openssl x509 -in " + pem + " -outform DER -out " + der);
    run("openssl crl2pkcs7 -nocrl -certfile " + pem + " -outform DER -out " + p7b);
    auto fingerprint = ascii_lower(
        run("openssl x509 -in " + pem + " -noout -fingerprint -sha256 | cut -d= -f2 | tr -d ':\\n'"));
    auto before = files_in(site.dir + "/anchors");
    for (const auto& file : {pem, der, p7b}) {
        auto shown = site.run({"anchor", "add", file});
        BOOST_TEST(shown.exit == 1, file);
        BOOST_TEST(shown.out.find(fingerprint) != std::string::npos, file << shown.out << shown.err);
        BOOST_TEST(files_in(site.dir + "/anchors") == before, file);
    }
    auto stored = site.run({"anchor", "add", der, p7b, pem, "--in", "--yes", "--end-certificates"});
    BOOST_TEST(stored.exit == 0, stored.err);
    auto file = site.dir + "/anchors/direct.example.org/in/" + fingerprint + ".pem";
    BOOST_TEST(fs::exists(file));
    BOOST_TEST(files_in(site.dir + "/anchors") == before + 1);
    BOOST_TEST(site.run({"anchor", "list"}).out.find(fingerprint) != std::string::npos);
    BOOST_TEST(site.run({"audit", "--json"}).out.find("anchor-add") != std::string::npos);

    for (const auto& wrong : {std::string("/nonexistent"), site.config, site.scratch / "ca.key"})
        BOOST_TEST(site.run({"anchor", "add", wrong, "--yes"}).exit == 2, wrong);
    BOOST_TEST(site.run({"anchor", "add", pem, "--domain", "other.example", "--yes"}).exit == 2);
    BOOST_TEST(site.run({"anchor", "remove", fingerprint.substr(0, 10)}).exit == 2);
    BOOST_TEST(site.run({"anchor", "remove", std::string(64, '0')}).exit == 1);
    BOOST_TEST(site.run({"anchor", "remove", fingerprint}).exit == 0);
    BOOST_TEST(!fs::exists(file));
}

BOOST_AUTO_TEST_CASE(a_key_that_does_not_fit_is_refused_and_one_that_does_is_stored)
{
    TrialSite site;
    make_pair(site.scratch, "jones", "email:jones@direct.example.org");
    make_pair(site.scratch, "other", "email:smith@elsewhere.example");
    auto folder = site.dir + "/keys/jones@direct.example.org";
    auto mixed =
        site.run({"key", "add", "--cert", site.scratch / "jones.crt", "--key", site.scratch / "other.key"});
    BOOST_TEST(mixed.exit == 1);
    BOOST_TEST(mixed.out.find("do not fit") != std::string::npos);
    auto foreign =
        site.run({"key", "add", "--cert", site.scratch / "other.crt", "--key", site.scratch / "other.key"});
    BOOST_TEST(foreign.exit == 1);
    auto renamed = site.run({"key", "add", "--cert", site.scratch / "jones.crt", "--key",
                             site.scratch / "jones.key", "--name", "direct.example.org"});
    BOOST_TEST(renamed.exit == 1);
    BOOST_TEST(!fs::exists(folder));
    BOOST_TEST(site.run({"key", "add", "--cert", site.scratch / "jones.crt"}).exit ==
               2);  // no key waits for it
    BOOST_TEST(site.run({"key", "add"}).exit == 2);
    auto late = site.run({"key", "add", "--cert", site.scratch / "jones.crt", "--key",
                          site.scratch / "jones.key", "--time", "2099-01-01"});
    BOOST_TEST(late.exit == 1);

    auto good =
        site.run({"key", "add", "--cert", site.scratch / "jones.crt", "--key", site.scratch / "jones.key"});
    BOOST_TEST(good.exit == 0, good.out + good.err);
    BOOST_TEST(files_in(folder) == 2u);
    for (auto& e : fs::directory_iterator(folder))
        if (e.path().extension() == ".key") BOOST_TEST(mode_of(e.path()) == 0400u);
    BOOST_TEST(site.run({"key", "list", "--json"}).json()["keys"].size() == 2u);
    BOOST_TEST(site.run({"audit"}).out.find("key-add") != std::string::npos);
    // The same again: nothing is overwritten.
    BOOST_TEST(
        site.run({"key", "add", "--cert", site.scratch / "jones.crt", "--key", site.scratch / "jones.key"})
            .exit == 2);
}

BOOST_AUTO_TEST_CASE(a_pkcs12_file_and_a_request_answered_by_a_ca)
{
    TrialSite site;
    make_pair(site.scratch, "smith", "email:smith@direct.example.org");
    auto p12 = site.scratch / "smith.p12", password = site.scratch / "password";
    write_file(password, "geheim\n");
    run("openssl pkcs12 -export -in " + site.scratch / "smith.crt" + " -inkey " + site.scratch / "smith.key" +
        " -out " + p12 + " -passout file:" + password);
    BOOST_TEST(site.run({"key", "add", "--p12", p12}).exit == 2);  // no password
    auto good = site.run({"key", "add", "--p12", p12, "--password-file", password});
    BOOST_TEST(good.exit == 0, good.out + good.err);

    auto request = site.run(
        {"key", "request", "lee@direct.example.org", "--organisation", "Clinic", "--algorithm", "p-256"});
    BOOST_TEST(request.exit == 0, request.err);
    auto csr = site.scratch / "lee.csr", certificate = site.scratch / "lee.crt";
    write_file(csr, request.out);
    BOOST_TEST(run("openssl req -in " + csr + " -noout -text -verify").find("email:lee@direct.example.org") !=
               std::string::npos);
    run("openssl x509 -req -in " + csr + " -CA " + site.dir + "/trial/ca.direct.example.org.crt -CAkey " +
        site.dir + "/trial/ca.direct.example.org.key -copy_extensions copyall -days 30 -out " + certificate);
    auto added = site.run({"key", "add", "--cert", certificate});
    BOOST_TEST(added.exit == 0, added.out + added.err);
    BOOST_TEST(site.run({"key", "list", "--json"}).json()["keys"].size() == 3u);
    BOOST_TEST(site.run({"key", "request", "lee@elsewhere.example"}).exit == 2);
    BOOST_TEST(site.run({"key", "request", "direct.example.org", "--algorithm", "rsa-512"}).exit == 2);
}

BOOST_AUTO_TEST_CASE(explain_follows_a_message_out_and_back_in)
{
    auto& site = shared_site();
    const std::string us = "jones@direct.example.org", them = "bob@partner.test";
    auto message = site.scratch / "out.eml", sealed = site.scratch / "sealed.eml",
         opened = site.scratch / "opened.eml";
    write_file(message, plain_message(us, them));
    auto out = site.run({"explain", "--direction", "out", "--from", us, "--to", them,
                         "nobody@stranger.example", message, "--out", sealed});
    BOOST_REQUIRE_MESSAGE(out.exit == 0, out.out + out.err);
    auto json = out.json();
    BOOST_TEST(json["direction"] == "out");
    BOOST_TEST(json["recipients"][0]["address"] == them);
    BOOST_TEST(json["recipients"][0]["decision"] == "sealed");
    BOOST_TEST(json["recipients"][1]["decision"] == "no-certificate");
    BOOST_TEST(json["recipients"][1]["dsn"] == "5.7.31");
    BOOST_TEST(mode_of(sealed) == 0600u);
    auto bytes = read_file(sealed);
    BOOST_TEST(bytes.find("OURBODY") == std::string::npos);
    BOOST_TEST(bytes.find("OURSUBJECT") == std::string::npos);
    BOOST_TEST(bytes.find("application/pkcs7-mime") != std::string::npos);
    // The partner, with its own tool, reads what we sealed.
    auto trial = site.dir + "/trial/partner.test";
    BOOST_TEST(
        run("openssl cms -decrypt -in " + sealed + " -recip " + trial + ".crt -inkey " + trial + ".key")
            .find("multipart/signed") != std::string::npos);

    // And answers: signed by partner.test, sealed for us.
    auto reply = site.scratch / "reply.eml", inner = site.scratch / "inner";
    write_file(inner, "Content-Type: message/rfc822\r\n\r\n" + plain_message(them, us));
    run("openssl cms -sign -in " + inner + " -signer " + trial + ".crt -inkey " + trial +
        ".key -binary -outform SMIME -out " + inner + ".signed && (printf 'From: " + them + "\\nTo: " + us +
        "\\n'; openssl cms -encrypt -binary -aes256 -in " + inner + ".signed " + site.dir +
        "/keys/direct.example.org/direct.example.org.crt) > " + reply);
    auto in = site.run({"explain", "--direction", "in", "--from", them, "--to", us, reply, "--out", opened});
    BOOST_REQUIRE_MESSAGE(in.exit == 0, in.out + in.err);
    BOOST_TEST(in.json()["recipients"][0]["decision"] == "accepted");
    BOOST_TEST(in.json()["from"] == them);
    BOOST_TEST(in.json()["wrapped"] == true);
    BOOST_TEST(read_file(opened).find("OURBODY") != std::string::npos);
    BOOST_TEST(mode_of(opened) == 0600u);
    auto newuser = site.run(
        {"explain", "--direction", "in", "--from", them, "--to", "newuser@direct.example.org", reply});
    BOOST_TEST(newuser.exit == 1);
    BOOST_TEST(newuser.json()["recipients"][0]["decision"] == "newuser:email-syntax", newuser.out);
    BOOST_TEST(newuser.out.find("OURSUBJECT") == std::string::npos);

    auto entries = site.run({"audit", "--json", "--id", "<t1@test.example>"}).json()["entries"];
    BOOST_REQUIRE(!entries.empty());
    BOOST_TEST(entries[0]["event"] == "explain");
    BOOST_TEST(entries[0]["who"].get<std::string>().starts_with("uid "));
    BOOST_TEST(site.run({"audit", "verify"}).exit == 0);
}

BOOST_AUTO_TEST_CASE(explain_refuses_with_the_reason)
{
    auto& site = shared_site();
    const std::string us = "jones@direct.example.org";
    auto message = site.scratch / "plain.eml";
    write_file(message, plain_message("bob@partner.test", us));
    auto plain = site.run(
        {"explain", "--direction", "in", "--from", "bob@partner.test", "--to", us, message, "--text"});
    BOOST_TEST(plain.exit == 1);
    BOOST_TEST(plain.out.find("not-encrypted (5.7.1)") != std::string::npos);
    BOOST_TEST(plain.out.find("550") != std::string::npos);
    auto untouched =
        site.run({"explain", "--direction", "in", "--from", "a@b.example", "--to", "c@d.example", message});
    BOOST_TEST(untouched.exit == 0);
    BOOST_TEST(untouched.json()["recipients"][0]["decision"] == "untouched");
    write_file(message, plain_message(us, "bob@partner.test"));
    auto forged = site.run({"explain", "--direction", "out", "--from", "eve@direct.example.org", "--to",
                            "bob@partner.test", message});
    BOOST_TEST(forged.exit == 1);
    BOOST_TEST(forged.json()["recipients"][0]["decision"] == "not-authorised");
    BOOST_TEST(site.run({"explain", "--direction", "up", "--from", us, "--to", us, message}).exit == 2);
    BOOST_TEST(site.run({"explain", "--direction", "in", "--from", us, "--to", "nonsense", message}).exit ==
               2);
    BOOST_TEST(site.run({"explain", "--direction", "in", "--from", us, "--to", us, "/nonexistent"}).exit ==
               2);
}

BOOST_AUTO_TEST_CASE(records_are_asked_for_without_a_daemon)
{
    auto& site = shared_site();
    BOOST_TEST(site.run({"held", "list", "--json"}).json()["held"].empty());
    BOOST_TEST(site.run({"record", "list", "--json"}).json()["records"].empty());
    BOOST_TEST(site.run({"outbox", "list", "--json"}).json()["outbox"].empty());
    BOOST_TEST(site.run({"outbox", "retry"}).exit == 0);
    BOOST_TEST(site.run({"store", "stat", "--json"}).json()["schema"].is_number());
    auto missing = site.run({"record", "show", "<nobody@example.org>"});
    BOOST_TEST(missing.exit == 1);
    BOOST_TEST(missing.out.find("no message") != std::string::npos);
    BOOST_TEST(site.run({"held", "show", "zz"}).exit == 1);
    for (const char* command : {"reload", "metrics"}) {
        auto done = site.run({command});
        BOOST_TEST(done.exit == 75, command);
        BOOST_TEST(done.err.find("not running") != std::string::npos, command);
    }
    BOOST_TEST(site.run({"audit", "--since", "yesterday"}).exit == 2);
    BOOST_TEST(site.run({"audit", "--until", "1999-01-01", "--json"}).json()["entries"].empty());
    auto exported = site.run({"audit", "export", "--format", "json"});
    BOOST_TEST(exported.exit == 0);
    BOOST_TEST(exported.json()["entries"][0]["event"] == "init");
}
