// What one message keeps of its look-ups while it waits for its room.
#include "milter/sta/partner.h"

#include <boost/test/unit_test.hpp>

#include "tests/support/test_pki.h"

using namespace direct;
using namespace direct::test;

namespace {

/// Publishes the same certificate many times for everybody.
class Generous : public CertificateResolver {
public:
    explicit Generous(Discovery found) : found_(std::move(found)) {}
    Discovery find(const Address&, const Budget&) override
    {
        ++asked;
        return found_;
    }
    int asked = 0;

private:
    Discovery found_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(strangers_certificates_do_not_fill_the_memory_of_who_waits)
{
    const auto one = issue({.name = "partner", .san = {"DNS:there.example"}}, ec_key());
    Discovery found;
    found.answer = Discovery::Answer::found;
    found.certificates.assign(32, one.certificate);
    auto resolver = std::make_shared<Generous>(found);
    Site site;
    site.settings = std::make_shared<Settings>();
    site.resolver = resolver;
    std::vector<Address> recipients;
    for (int i = 0; i < 1000; ++i)
        recipients.push_back(*parse_address("u" + std::to_string(i) + "@there.example"));
    const auto kept = look_up_partners(site, recipients);
    BOOST_TEST(resolver->asked == 1000);
    const std::size_t each = 32 * one.certificate.der().size();
    BOOST_TEST(kept.found.size() == looked_up_max / each);
    BOOST_TEST(kept.found.size() < recipients.size());
    BOOST_TEST(kept.found.contains(recipients.front().key()));
}
