// Certificate policies: evaluations per second of one thread, and as a ratio to reading the one field from OpenSSL.
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include "milter/base/openssl.h"
#include "policy/expr/policy.h"
#include "policy/issue.h"

using namespace direct;

namespace {

template <class T>
T must(Result<T> r)
{
    if (!r) throw std::runtime_error(r.error().why);
    return *std::move(r);
}

Certificate certificate()
{
    auto key = must(make_key("rsa-2048"));
    CertificateOrder order{{"jo@direct.example.org", "Jo", "Clinic"}, false, Time{}, SystemClock().now()};
    auto read = must(read_certificates(must(issue_certificate(order, key, nullptr))));
    return read.front();
}

/// Nanoseconds for one call, best of five rounds.
template <class F>
double cost(long rounds, F once)
{
    double best = 1e18;
    for (int i = 0; i < 5; ++i) {
        auto from = std::chrono::steady_clock::now();
        for (long j = 0; j < rounds; ++j) once();
        std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - from;
        best = std::min(best, took.count() / double(rounds));
    }
    return best;
}

}  // namespace

int main()
{
    auto c = certificate();
    volatile std::uint32_t seen = 0;
    double bare = cost(1000000, [&] { seen = seen + X509_get_key_usage(c.x509()); });
    std::printf("%-72s %10.0f ns\n", "X509_get_key_usage", bare);
    for (const char* text :
         {"(X509.TBS.EXTENSION.KeyUsage & 32) > 0", "X509.TBS.SubjectPublicKeyInfo.Size > 2047",
          "X509.TBS.EXTENSION.ExtKeyUsageSyntax+ {?} 1.3.6.1.5.5.7.3.4",
          "X509.TBS.EXTENSION.SubjectAltName {}$ direct.example.org",
          "((X509.TBS.EXTENSION.KeyUsage+ & 128) > 0) && (X509.TBS.EXTENSION.BasicConstraints.CA = false)"}) {
        auto policy = must(CertificatePolicy::parse(text));
        long compliant = 0;
        double each = cost(100000, [&] { compliant += policy.evaluate(c).kind == PolicyAnswer::complies; });
        if (compliant == 0) throw std::runtime_error(std::string("never true: ") + text);
        std::printf("%-96s %9.0f ns %9.0f per s %6.1f x field\n", text, each, 1e9 / each, each / bare);
    }
}
