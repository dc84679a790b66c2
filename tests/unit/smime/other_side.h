// other_side.h - keys for these tests, and `openssl cms` as the partner.
#pragma once
#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "milter/smime/smime.h"
#include "tests/support/scratch.h"
#include "tests/support/test_pki.h"
#include "tests/support/vectors.h"

namespace direct::test {

struct CountingGate : KeyOperationGate {
    int entered = 0, left = 0;
    bool open = true;
    Status enter() override
    {
        if (!open) return fail(temporary("no place"));
        ++entered;
        return Done{};
    }
    void leave() override { ++left; }
};

inline OwnKey own(const Issued& issued, const std::string& name = "d.example")
{
    return {name, name + ".crt", issued.certificate, {}, issued.key};
}

/// Certificates NAME.crt and keys NAME.key in a folder, and the command line beside them.
class OtherSide {
public:
    void add(const std::string& name, const Issued& issued)
    {
        write_file(dir_ / (name + ".crt"), pem_of(issued.certificate));
        write_file(dir_ / (name + ".key"), pem_of(issued.key));
    }
    void put(const std::string& name, const std::string& bytes) { write_file(dir_ / name, bytes); }
    std::string get(const std::string& name) { return read_file(dir_ / name); }
    std::string cms(const std::string& arguments)
    {
        return run("cd " + dir_.path() + " && openssl cms " + arguments + " 2>&1");
    }
    /// What `openssl cms -encrypt` makes of the content, as DER.
    std::string encrypt(const std::string& content, const std::string& arguments)
    {
        put("plain", content);
        cms("-encrypt -binary -in plain -outform DER -out sealed.der " + arguments);
        return get("sealed.der");
    }
    std::string decrypt(const std::string& der, const std::string& name)
    {
        put("sealed.der", der);
        cms("-decrypt -binary -inform DER -in sealed.der -out opened -recip " + name + ".crt -inkey " + name +
            ".key");
        return get("opened");
    }
    /// A detached signature of the content, as DER.
    std::string sign(const std::string& content, const std::string& arguments)
    {
        put("content", content);
        cms("-sign -binary -in content -outform DER -out signature.der " + arguments);
        return get("signature.der");
    }

private:
    Scratch dir_;
};

/// The whole multipart/signed; nothing when it could not be signed.
inline std::optional<std::string> signed_whole(std::string_view entity, const OwnKey& key, const char* digest,
                                               KeyOperationGate& gate)
{
    auto frame = sign_entity({entity}, key, digest, gate);
    if (!frame) return {};
    return frame->before + std::string(entity) + frame->after;
}

/// The DER of an envelope.
inline Result<std::string> sealed_der(std::string_view entity, const std::vector<Certificate>& recipients,
                                      const EncryptOptions& options)
{
    TRY(auto sealed, encrypt_to({entity}, recipients, options));
    return unbase64(sealed.body);
}

/// Every n-th byte changed in turn; f(changed, position).
template <class F>
void flip_bytes(const std::string& whole, std::size_t step, F f)
{
    for (std::size_t at = 0; at < whole.size(); at += step) {
        std::string changed = whole;
        changed[at] = char(changed[at] ^ (1 << at % 8));
        f(changed, at);
    }
}

inline const std::string& entity()
{
    static const std::string text =
        "Content-Type: text/plain\r\n\r\nThe quick brown fox.\r\n" + std::string(3000, 'x') + "\r\nend\r\n";
    return text;
}

}  // namespace direct::test
