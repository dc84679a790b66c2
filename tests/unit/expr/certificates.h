// certificates.h - the certificates that tests/vectors/policy.vec names, made on the spot.
#pragma once
#include <string>

#include "policy/certificate.h"

namespace direct::test {

/// "full": every extension the language reads; "plain": none; "elliptic": a P-256 key; "named": a name of many parts.
/// An unknown name throws.
const Certificate& policy_certificate(const std::string& name);

}  // namespace direct::test
