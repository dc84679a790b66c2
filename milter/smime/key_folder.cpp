// key_folder.cpp - reads our keys and refuses to use one that is kept carelessly.
#include "milter/smime/key_folder.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <filesystem>

#include "milter/base/crypto.h"
#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"

namespace direct {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t key_file_max = 64 * 1024;

/// Nobody but the owner may read a key; a file of root's that our own group may read is the one exception.
Status check_mode(const std::string& path)
{
    struct stat st {};
    if (stat(path.c_str(), &st) != 0) return fail(misconfigured("there is no key beside it"));
    if (!S_ISREG(st.st_mode)) return fail(misconfigured("the key is not a file"));
    bool root_for_our_group = st.st_uid == 0 && st.st_gid == getegid() && (st.st_mode & 0037) == 0;
    if ((st.st_mode & 0077) != 0 && !root_for_our_group)
        return fail(misconfigured("the key may be read by others; chmod 0400 it"));
    return Done{};
}

int no_passphrase(char*, int, int, void*)
{
    return -1;
}

Result<std::shared_ptr<EVP_PKEY>> load_key(const std::string& path)
{
    CHECK(check_mode(path));
    TRY(std::string pem, read_whole_file(path, key_file_max));
    CleanseAtEnd cleanse(pem);
    ossl::Bio in(BIO_new_mem_buf(pem.data(), int(pem.size())));
    EVP_PKEY* key = in ? PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr) : nullptr;
    ossl::take_errors();
    if (!key) return fail(misconfigured("the key cannot be read (PEM without a passphrase is expected)"));
    return std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free);
}

/// Tells a certificate file and its key file from what they were before; "" when one cannot be opened.
std::string stamp_of(const fs::path& certificate_file)
{
    std::string out;
    for (const auto& file : {certificate_file, fs::path(certificate_file).replace_extension(".key")}) {
        struct stat s {};
        int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
        bool known = fd >= 0 && fstat(fd, &s) == 0;
        if (fd >= 0) close(fd);
        if (!known) return {};
        for (long n : {long(s.st_ino), long(s.st_size), long(s.st_mtim.tv_sec), long(s.st_mtim.tv_nsec),
                       long(s.st_ctim.tv_sec), long(s.st_ctim.tv_nsec)})
            out += std::to_string(n) + ",";
    }
    return out;
}

Result<OwnKey> load_one(const KeyOwner& owner, const fs::path& certificate_file)
{
    TRY(auto certificates, load_certificates(certificate_file));
    Certificate leaf = certificates.front();
    certificates.erase(certificates.begin());
    if (!owner.binds(leaf))
        return fail(misconfigured("the certificate is not for " + owner.key + ", whose folder this is"));
    TRY(auto key, load_key(fs::path(certificate_file).replace_extension(".key")));
    bool fits = X509_check_private_key(leaf.x509(), key.get()) == 1;
    ossl::take_errors();
    if (!fits) return fail(misconfigured("key and certificate do not fit together"));
    return OwnKey{owner.key, certificate_file, leaf, std::move(certificates), std::move(key)};
}

}  // namespace

bool KeyOwner::binds(const Certificate& c) const
{
    return address ? c.bound_to_address(*address) : c.bound_to_domain(key);
}

Result<KeyOwner> key_owner(const std::string& folder_name)
{
    if (folder_name.find('@') == std::string::npos) {
        TRY(std::string domain, normal_domain(folder_name));
        return KeyOwner{domain, {}};
    }
    TRY(Address address, parse_address(folder_name));
    std::string key = address.key();
    return KeyOwner{key, std::move(address)};
}

KeyFolder::KeyFolder(OwnKey key) : owner_{key.name, {}}, listed_(true)
{
    std::string file = key.file;
    keys_.emplace(std::move(file), std::move(key));
}

std::vector<const OwnKey*> KeyFolder::keys(bool say)
{
    std::lock_guard lock(mutex_);
    if (!listed_) list();
    for (auto& [file, failed] : failed_)
        if (file != path_) read(file, failed);
    std::erase_if(failed_, [&](const auto& f) { return keys_.contains(f.first); });
    if (say) tell();
    std::vector<const OwnKey*> out;
    for (const auto& [file, key] : keys_) out.push_back(&key);
    return out;
}

std::vector<std::string> KeyFolder::findings() const
{
    std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [file, failed] : failed_) out.push_back(file + ": " + failed.why);
    return out;
}

/// Every certificate of the folder is one to be read, until it has been.
void KeyFolder::list()
{
    std::error_code error;
    failed_.erase(path_);
    for (fs::directory_iterator it(path_, error), end; !error && it != end; it.increment(error))
        if (it->path().extension() == ".crt") failed_.emplace(it->path(), Failed{"not read yet", "", false});
    if (error)
        failed_[path_] = {error.message(), "", false};
    else
        listed_ = true;
}

void KeyFolder::read(const std::string& file, Failed& failed)
{
    auto stamp = stamp_of(file);
    if (!stamp.empty() && stamp == failed.stamp) return;
    auto one = load_one(owner_, file);
    if (one)
        keys_.emplace(file, *std::move(one));
    else
        failed = {one.error().why, stamp, failed.told && failed.why == one.error().why};
}

/// Each time it costs a look-up in the count, once in the log.
void KeyFolder::tell()
{
    for (auto& [file, failed] : failed_) {
        count(Metric::key_failures_total);
        if (failed.told) continue;
        failed.told = true;
        LogLine(LOG_ERR, "", "key").with("file", file).with("what", failed.why);
    }
}

}  // namespace direct
