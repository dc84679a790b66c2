#include "milter/sta/inbound_parts.h"

#include <cstring>
#include <functional>

#include "milter/base/crypto.h"

namespace direct {

Reason best_signer_fault(const Verified& verified)
{
    if (verified.signers.empty()) return Reason::not_signed;
    // A signature whose mathematics fits but whose algorithm is weak has verified: say so before anything else.
    for (auto wanted : {Reason::weak_algorithm, Reason::bad_signature, Reason::no_sender_certificate})
        for (const auto& s : verified.signers)
            if (s.reason == wanted) return wanted;
    return Reason::bad_signature;
}

std::string keep_only(std::string_view inside, std::string& clear, std::string& content)
{
    auto lies_in = [&](const std::string& s) {
        return !std::less<>()(inside.data(), s.data()) && !std::less<>()(s.data() + s.size(), inside.data());
    };
    std::string& whole = lies_in(clear) ? clear : content;
    const auto size = inside.size();
    std::memmove(whole.data(), inside.data(), size);
    cleanse(whole.data() + size, whole.size() - size);
    whole.resize(size);
    return std::move(whole);
}

}  // namespace direct
