// Bundles fetched, compared and kept: the last good copy stays on every error and over restarts.
#include "policy/discovery/bundle_refresh.h"

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch.h"
#include "tests/support/test_bundle.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;

namespace {

struct Fixture {
    Scratch dir;
    Issued a = issue({.name = "A", .ca = true}, ec_key()), b = issue({.name = "B", .ca = true}, ec_key());
    Issued signer = issue({.name = "Signer", .key_usage = "digitalSignature"}, ec_key());
    Issued other = issue({.name = "Other", .key_usage = "digitalSignature"}, ec_key());
    BundleFiles files{dir.path()};
    BundleSettings settings{"providers", "http://bundles.example/p.p7m", "", milliseconds(3600000)};
    Time now = test_now();
    // What the server does.
    std::string body = p7b({{a.certificate}});
    std::string etag = "\"1\"";
    bool down = false, confirms = false;
    std::string asked_etag = "none";

    BundleFetch fetch = [this](const BundleSettings&, const BundleState& known) -> Result<BundleAnswer> {
        asked_etag = known.etag;
        if (down) return fail(temporary("server is down"));
        if (confirms) return BundleAnswer{true, "", "", ""};
        return BundleAnswer{false, body, etag, ""};
    };
    BundleRefresh refresh()
    {
        auto out = fetch_bundle(fetch, files, settings, now);
        BOOST_REQUIRE(keep_bundle(files, out));
        return out;
    }
    std::size_t anchors() { return held() ? held()->anchors.size() : 0; }
    std::optional<Bundle> held() { return bundle_now(files, settings, now).bundle; }
    using Outcome = BundleRefresh::Outcome;
};

}  // namespace

#define CHECK_OUTCOME(refresh_, expected)                                    \
    do {                                                                     \
        const auto& was = (refresh_);                                        \
        BOOST_TEST(std::string(word_of(was.outcome)) == #expected, was.why); \
    } while (false)

BOOST_FIXTURE_TEST_SUITE(bundle_refreshes, Fixture)

BOOST_AUTO_TEST_CASE(never_loaded_means_no_anchors)
{
    auto first = bundle_now(files, settings, now);
    BOOST_TEST((!first.bundle && first.why == "never loaded"));
    BOOST_TEST(is_stale(first, milliseconds(86400000), now));
    down = true;
    CHECK_OUTCOME(refresh(), failed);
    first = bundle_now(files, settings, now);
    BOOST_TEST(!first.bundle);
    BOOST_TEST(first.why == "never loaded (server is down)");
}

BOOST_AUTO_TEST_CASE(anchors_come_and_go_as_a_whole)
{
    auto r = refresh();
    CHECK_OUTCOME(r, changed);
    BOOST_TEST((r.come == std::vector<Certificate>{a.certificate} && r.go.empty()));
    body = p7b({{b.certificate}});
    r = refresh();
    CHECK_OUTCOME(r, changed);
    BOOST_TEST((r.come == std::vector<Certificate>{b.certificate}));
    BOOST_TEST((r.go == std::vector<Certificate>{a.certificate}));
    BOOST_TEST((held()->anchors == std::vector<Certificate>{b.certificate}));
}

// Hole 6: the reference implementation stores no hash at first and rewrites for nothing later.
BOOST_AUTO_TEST_CASE(the_same_bytes_are_no_change_from_the_second_time_on)
{
    CHECK_OUTCOME(refresh(), changed);
    BOOST_TEST(files.read("providers").value()->state.digest.size() == 64u);
    now += std::chrono::hours(1);
    CHECK_OUTCOME(refresh(), unchanged);
    BOOST_TEST(asked_etag == "\"1\"");
    auto state = files.read("providers").value()->state;
    BOOST_TEST((state.checked - state.loaded == std::chrono::hours(1)));
    confirms = true;
    CHECK_OUTCOME(refresh(), unchanged);
    BOOST_TEST(files.read("providers").value()->state.etag == "\"1\"");
    BOOST_TEST(anchors() == 1u);
}

BOOST_AUTO_TEST_CASE(not_modified_is_no_answer_without_a_copy)
{
    confirms = true;
    CHECK_OUTCOME(refresh(), failed);
    BOOST_TEST(anchors() == 0u);
}

BOOST_AUTO_TEST_CASE(the_last_good_copy_stays)
{
    refresh();
    now += std::chrono::hours(2);
    for (const auto& bad : {std::string("<html>"), std::string(), p7b({{}}), p7b({{signer.certificate}})}) {
        body = bad;
        auto r = refresh();
        CHECK_OUTCOME(r, failed);
        BOOST_TEST(!r.why.empty());
        BOOST_TEST(anchors() == 1u);
    }
    down = true;
    CHECK_OUTCOME(refresh(), failed);
    BOOST_TEST(anchors() == 1u);
    auto state = files.read("providers").value()->state;
    BOOST_TEST((state.trouble == "server is down" && state.tried == now && state.checked < now));
    // Another process reads the same.
    BOOST_TEST(bundle_now(BundleFiles(dir.path()), settings, now).bundle->anchors.size() == 1u);
    BOOST_TEST(!is_stale(bundle_now(files, settings, now), milliseconds(86400000), now));
    now += std::chrono::hours(25);
    BOOST_TEST(is_stale(bundle_now(files, settings, now), milliseconds(86400000), now));
    down = false;
    body = p7b({{a.certificate}});
    CHECK_OUTCOME(refresh(), unchanged);
    BOOST_TEST(!is_stale(bundle_now(files, settings, now), milliseconds(86400000), now));
}

BOOST_AUTO_TEST_CASE(a_named_signer_is_asked_for_every_time)
{
    write_file(dir / "signer.pem", pem_of(signer.certificate));
    settings.signer = dir / "signer.pem";
    body = p7m(p7b({{a.certificate}}), {{&signer}});
    CHECK_OUTCOME(refresh(), changed);
    BOOST_TEST(held()->signer == signer.certificate.fingerprint());
    auto good = body;
    for (const auto& bad : {p7b({{b.certificate}}), p7m(p7b({{b.certificate}}), {{&other}})}) {
        body = bad;
        CHECK_OUTCOME(refresh(), failed);
        BOOST_TEST((held()->anchors == std::vector<Certificate>{a.certificate}));
    }
    // The site names another signer: the copy at hand is not what he has signed.
    write_file(dir / "signer.pem", pem_of(other.certificate));
    auto now_used = bundle_now(files, settings, now);
    BOOST_TEST(!now_used.bundle);
    BOOST_TEST(now_used.why.find("not used") != std::string::npos, now_used.why);
    body = p7m(p7b({{b.certificate}}), {{&other}});
    CHECK_OUTCOME(refresh(), changed);
    BOOST_TEST(asked_etag == "");  // the old copy is not asked about
    // A file of the signer that cannot be read is no reason to do without.
    write_file(dir / "signer.pem", "broken");
    body = good;
    CHECK_OUTCOME(refresh(), failed);
    BOOST_TEST(anchors() == 0u);
}

BOOST_AUTO_TEST_CASE(bytes_from_another_url_are_not_used)
{
    refresh();
    settings.url = "http://other.example/p.p7b";
    BOOST_TEST(anchors() == 0u);
    down = true;
    CHECK_OUTCOME(refresh(), failed);
    BOOST_TEST(anchors() == 0u);
    settings.url = "http://bundles.example/p.p7m";
    BOOST_TEST(anchors() == 1u);  // back: still the last good copy
}

BOOST_AUTO_TEST_CASE(a_damaged_copy_is_absent_and_replaced)
{
    refresh();
    auto file = dir / "bundles/providers.bundle";
    auto bytes = read_file(file);
    bytes.back() ^= 1;
    write_file(file, bytes);
    BOOST_TEST(bundle_now(files, settings, now).why.find("damaged") != std::string::npos);
    down = true;
    CHECK_OUTCOME(refresh(), failed);
    BOOST_TEST(anchors() == 0u);
    down = false;
    CHECK_OUTCOME(refresh(), changed);
    BOOST_TEST(anchors() == 1u);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_down_is_told)
{
    auto r = fetch_bundle(fetch, BundleFiles(dir / "missing/deep"), settings, now);
    CHECK_OUTCOME(r, changed);
    BOOST_TEST(!keep_bundle(BundleFiles(dir / "missing/deep"), r));
}

BOOST_AUTO_TEST_SUITE_END()
