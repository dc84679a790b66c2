// policy.h - a certificate policy: parsed once, asked for many certificates.
//
// The language is SIMPLE_TEXT_V1 of the Direct project's own programs, with the same answers. Operators are
// taken strictly from left to right. A certificate that lacks a required field ("+") does not comply; what
// cannot be evaluated is a fault, and a fault refuses. No I/O but load(). Immutable, thread safe.
// Source: requirements A7, L1, L2; decision to refuse on faults.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/certificate.h"

namespace direct {

/// Asks whether a URL answers (operator @@). Must keep its own time limit.
using UriCheck = std::function<Result<bool>(std::string_view url)>;

struct PolicyAnswer {
    enum Kind : unsigned char { complies, fails, faulty } kind = faulty;
    /// Faulty: what could not be evaluated. Fails: only the required field that is missing; see why_not.
    std::string why;
};

class CertificatePolicy {
public:
    /// @param name  stands in front of faults: a file, or "" for "policy"
    /// Fault: input; `why` is "NAME:LINE:COLUMN: what", then the line, then a caret below the place.
    static Result<CertificatePolicy> parse(std::string_view text, std::string name = "");
    /// From a file of at most 64 KB. Fault: configuration when it cannot be read, else input.
    static Result<CertificatePolicy> load(const std::string& path);

    const std::string& name() const;
    /// Canonical text: parses again to the same policy.
    std::string print() const;
    /// What is legal and probably not meant, formatted like a fault.
    const std::vector<std::string>& notes() const;
    /// It holds the operator @@, which wants a UriCheck.
    bool asks_network() const;

    /// No allocation for fields it does not name. Without a UriCheck the operator @@ is a fault.
    PolicyAnswer evaluate(const Certificate& certificate, const UriCheck& uri_check = {}) const;
    /// The answer in its first line, below it every operation and field with its value, indented.
    std::string explain(const Certificate& certificate, const UriCheck& uri_check = {}) const;
    /// One sentence: which operand made the certificate fail and what it was; "" when it complies.
    std::string why_not(const Certificate& certificate, const UriCheck& uri_check = {}) const;

private:
    struct Data;
    explicit CertificatePolicy(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
    std::shared_ptr<const Data> data_;
};

}  // namespace direct
