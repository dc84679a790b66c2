// key_ring.h - our private keys with their certificates, by address and by domain.
//
// <store.keys>/<address-or-domain>/NAME.crt with NAME.key beside it (PEM; PKCS#8 or traditional). The folders are
// known at once; what lies in one is read when first asked for, and stays until the next reload. A key others may
// read, or one whose certificate does not bind to its folder's name, or does not fit the certificate, is never used:
// it is a finding, and for mail that needs it trouble() tells that "no key" is not the last word. Thread safe.
// Source: requirements A3, A7, A9, A10; configuration manual "Keys of the store".
#pragma once
#include <functional>
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

class KeyFolder;

/// A copy shares what has been read, and pointers to keys stay good as long as one of them. The look-ups read what has not been read; a key that cannot be
/// read then is logged and counted (key_failures_total).
class KeyRing {
public:
    /// Keys bound to the address first, then to its domain; every one, expired ones too (A10: old mail).
    std::vector<const OwnKey*> for_decryption(const Address& recipient) const;
    /// Keys that may sign for the address at that time: address before domain; newest notBefore first. Expired and not yet
    /// valid ones are left out.
    std::vector<const OwnKey*> for_signing(const Address& sender, Time now) const;
    /// Certificates others may encrypt to for this address of ours (local to local, publishing).
    std::vector<Certificate> certificates_of(const Address& address) const;
    /// What the look-ups before could not read of this address's and its domain's keys, "FILE: why"; when there is
    /// any, a missing key may be there in a minute: later, not never.
    std::vector<std::string> trouble(const Address& address) const;

    /// Reads what has not been read, as long as `go_on` says so; milliseconds for each key.
    void read_all(const std::function<bool()>& go_on = [] { return true; }) const;
    std::vector<const OwnKey*> all() const;     ///< reads all
    std::vector<std::string> findings() const;  ///< of what has been read: "FILE: why it was left out"

    /// Knows the folders; reads no key.
    static KeyRing load(const std::string& folder);
    void add(OwnKey key);  ///< tests and tools

private:
    std::vector<KeyFolder*> folders_of(const Address& address) const;
    std::vector<KeyFolder*> folders_of(const std::string& name) const;

    std::vector<std::shared_ptr<KeyFolder>> folders_;  ///< by folder name
    std::multimap<std::string, KeyFolder*> by_name_;
    std::vector<std::string> findings_;  ///< of the folder above them
};

}  // namespace direct
