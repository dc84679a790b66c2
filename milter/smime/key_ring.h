// key_ring.h - our private keys with their certificates, by address and by domain.
//
// <store.keys>/<address-or-domain>/NAME.crt with NAME.key beside it (PEM; PKCS#8 or traditional). Read
// at start and reload; immutable after. A key others may read, or one whose certificate does not bind to
// its folder's name, or does not fit the certificate, is left out and told as a finding. Thread safe.
// Source: requirements A3, A7, A9, A10; configuration manual "Keys of the store".
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "milter/base/address.h"
#include "policy/certificate.h"

namespace direct {

/// One key of ours.
struct OwnKey {
    std::string name;  ///< address key or domain it is kept under
    std::string file;  ///< certificate file, for the admin
    Certificate certificate;
    std::vector<Certificate> chain;  ///< further certificates in the same file: intermediates to send along
    std::shared_ptr<EVP_PKEY> key;
};

class KeyRing {
public:
    /// Keys bound to the address first, then to its domain; every one, expired ones too (A10: old mail).
    std::vector<const OwnKey*> for_decryption(const Address& recipient) const;
    /// Keys that may sign for the address at that time: address before domain; newest notBefore first. Expired and not yet
    /// valid ones are left out.
    std::vector<const OwnKey*> for_signing(const Address& sender, Time now) const;
    /// Certificates others may encrypt to for this address of ours (local to local, publishing).
    std::vector<Certificate> certificates_of(const Address& address) const;
    /// A key of this address or its domain stands in the folder but could not be used. What then looks like
    /// "no key" is trouble of ours, and temporary.
    bool at_fault(const Address& address) const;
    const std::vector<OwnKey>& all() const { return keys_; }
    const std::vector<std::string>& findings() const { return findings_; }

    static KeyRing load(const std::string& folder);
    void add(OwnKey key);  ///< tests and tools

private:
    std::vector<OwnKey> keys_;
    std::multimap<std::string, std::size_t> by_name_;
    std::set<std::string, std::less<>> at_fault_;  ///< by name, as by_name_
    std::vector<std::string> findings_;
};

}  // namespace direct
