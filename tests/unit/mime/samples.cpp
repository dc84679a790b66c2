#include "tests/unit/mime/samples.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "milter/base/text.h"
#include "milter/mime/split.h"
#include "tests/support/vectors.h"

namespace direct::test {

std::vector<Sample> sample_mail()
{
    std::vector<Sample> out;
    for (const auto& entry : std::filesystem::directory_iterator(source_dir() + "/tests/mail"))
        if (entry.path().extension() == ".eml")
            out.push_back({entry.path().filename().string(), read_file(entry.path().string())});
    BOOST_REQUIRE_GE(out.size(), 10U);
    std::sort(out.begin(), out.end(), [](const Sample& a, const Sample& b) { return a.name < b.name; });
    return out;
}

std::vector<Attachment> attachments_of(std::string_view message, const MimeLimits& limits)
{
    std::vector<Attachment> out;
    const auto walked = for_each_attachment(message, limits, [&](Attachment&& a) {
        out.push_back(std::move(a));
        return true;
    });
    BOOST_REQUIRE_MESSAGE(walked, (walked ? std::string() : walked.error().why));
    return out;
}

bool fit_to_sign(std::string_view entity)
{
    const auto scan = scan_bytes(entity);
    return scan.seven_bit() && is_canonical_crlf(entity);
}

std::string message_with(std::string_view attachment, const std::string& line_end)
{
    std::string encoded;
    const std::string lines = base64(attachment, 76);
    for (const auto line : split(lines, '\n')) encoded += std::string(trim(line)) + line_end;
    const auto& e = line_end;
    return "From: ann@clinic.example" + e + "MIME-Version: 1.0" + e +
           "Content-Type: multipart/mixed; boundary=m" + e + e + "--m" + e + e + "letter" + e + "--m" + e +
           "Content-Type: application/octet-stream; name=x.bin" + e + "Content-Transfer-Encoding: base64" +
           e + e + encoded + "--m--" + e;
}

std::string noise(std::size_t n)
{
    std::string out(n, '\0');
    std::uint32_t state = 12345;
    for (auto& c : out) {
        state = state * 1664525U + 1013904223U;
        c = static_cast<char>(state >> 24);
    }
    return out;
}

}  // namespace direct::test
