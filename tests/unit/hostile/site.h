// site.h - a clinic that hostile mail is sent to, and what became of each message.
//
//   nurse@direct.clinic.example  domain key, RSA        bob@direct.hospital.example  trusted sender, RSA
//   doc@ec.clinic.example        domain key, P-256      ann@direct.hospital.example  trusted sender, P-256
//   mallory@evil.example         an encryption certificate may be had by anybody; signs, trusted by nobody
#pragma once
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "milter/sta/inbound.h"
#include "tests/unit/smime/other_side.h"

namespace direct::test {

inline constexpr const char* nurse = "nurse@direct.clinic.example";
inline constexpr const char* doc = "doc@ec.clinic.example";
inline constexpr const char* uniform = "554 5.7.1 direct: not-accepted";

/// What the peer reads and what the administrator finds.
struct Outcome {
    std::string token, answer;
    bool verified = false;
    std::string clear;  ///< what would be delivered
    std::vector<std::string> because;
};

struct Clinic {
    Clinic();

    /// A wrapped message from the sender, as the entity that is signed.
    std::string wrapped(const std::string& from = "bob@direct.hospital.example") const;
    /// multipart/signed of the entity.
    std::string signed_by(const Issued& who, const std::string& entity) const;
    /// EnvelopedData (AuthEnvelopedData for GCM) in DER.
    std::string sealed(const std::string& entity, const Issued& to,
                       const std::string& cipher = "aes-256-cbc") const;
    /// The honest message, sealed, as DER.
    std::string honest(const Issued& to, const std::string& cipher = "aes-256-cbc") const;

    Outcome judge(std::string_view message, const std::string& recipient = nurse);
    Outcome judge_der(std::string_view der, const std::string& recipient = nurse);
    /// Sealed to the recipient first.
    Outcome judge_entity(const std::string& entity, const std::string& recipient = nurse);

    Issued ca, clinic, ec_clinic, bob, ann, mallory;
    std::shared_ptr<const Site> site;
    Engine engine;
    Time now;
    std::string inner;  ///< the honest message that arrives in the end

private:
    Scratch folder_;
};

/// One for the whole program: its keys take a while.
Clinic& the_clinic();

/// The message that travels, around a CMS or any other body.
std::string mail_around(std::string_view der);
std::string mail_with(const std::string& content_fields, const std::string& body);

/// Refused before a signature verified: the uniform answer, this token for the administrator, and nothing released.
void check_uniform(const Outcome& o, const std::string& token, const std::string& what);
/// Refused with the token told, and nothing released.
void check_told(const Outcome& o, const std::string& token, const std::string& what);

}  // namespace direct::test
