// Bytes inside the envelope that no signature covers: what mail programs write there passes, what could carry moved
// blocks of ciphertext does not.
#include "milter/sta/frame.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"

using namespace direct;
namespace data = boost::unit_test::data;

namespace {

Status framed(const std::string& preamble)
{
    const auto clear = to_crlf(
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; "
        "boundary=b\n\n" +
        preamble +
        "--b\nContent-Type: text/plain\n\nwords\n--b\nContent-Type: application/pkcs7-signature\n"
        "Content-Transfer-Encoding: base64\n\nAAAA\n--b--\n");
    auto entity = read_entity(clear, {});
    BOOST_REQUIRE(entity);
    auto parts = split_signed(*entity, {});
    if (!parts) return fail(parts.error());
    return check_frame(clear, *entity, *parts);
}

}  // namespace

BOOST_DATA_TEST_CASE(words_of_known_mail_programs_pass,
                     data::make({"", "\n", "This is an S/MIME signed message\n\n",
                                 "This is a cryptographically signed message in MIME format.\n\n",
                                 "This is a multipart message in MIME format.\n\n",
                                 "This is a multi-part message in MIME format.\n"}),
                     preamble)
{
    BOOST_TEST(framed(preamble).has_value());
}

BOOST_DATA_TEST_CASE(anything_else_is_malformed,
                     data::make({"<p>\n", "x=1\n", "a:b\n", "caf\xc3\xa9\n", "\x01\n", "\"\n", "{}\n"}),
                     preamble)
{
    const auto told = framed(preamble);
    BOOST_REQUIRE(!told);
    BOOST_TEST(token_of(told.error().reason) == token_of(Reason::malformed));
}
