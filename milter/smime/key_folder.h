// key_folder.h - the keys kept for one address or domain: <store.keys>/<name>/NAME.crt with NAME.key beside it.
//
// Read when first asked for and kept; ten thousand of them shall not hold up the start (2.5 ms each). What could
// not be read is tried again when it is asked for again and its files could not be opened or have changed: a disk
// that was away for a moment must not cost mail, and a bad file must not cost time with every message.
// Thread safe; pointers to keys stay good as long as the folder.
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "milter/smime/key_ring.h"

namespace direct {

/// The address or domain a folder is named for.
struct KeyOwner {
    std::string key;  ///< normal form
    std::optional<Address> address;
    bool binds(const Certificate& c) const;
};
/// Fault: input: neither address nor domain.
Result<KeyOwner> key_owner(const std::string& folder_name);

class KeyFolder {
public:
    KeyFolder(KeyOwner owner, std::string path) : owner_(std::move(owner)), path_(std::move(path)) {}
    explicit KeyFolder(OwnKey key);  ///< nothing is read

    const std::string& name() const { return owner_.key; }
    /// By file name. What cannot be read is left out; with `say` it is logged and counted.
    std::vector<const OwnKey*> keys(bool say);
    /// "FILE: why" for all that the last try could not read.
    std::vector<std::string> findings() const;

private:
    struct Failed {
        std::string why;
        std::string stamp;  ///< of the files as they were; "" when one could not be opened
        bool told = false;
    };
    void list();
    void read(const std::string& file, Failed& failed);
    void tell();

    const KeyOwner owner_;
    const std::string path_;  ///< "": added from memory
    mutable std::mutex mutex_;
    bool listed_ = false;
    std::map<std::string, OwnKey> keys_;    ///< by file
    std::map<std::string, Failed> failed_;  ///< by file; the folder itself when it cannot be listed
};

}  // namespace direct
