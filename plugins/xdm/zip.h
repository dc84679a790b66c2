// zip.h - a zip as a list of members whose places were checked before anything is unpacked, and the bytes of
// one member. Reads the central directory itself, for it is what it promises that is checked: places inside
// the file that do not overlap, one size for each member, both headers of one name. libarchive only inflates.
// Names are text, never paths. Pure functions on bytes; nothing here throws but bad_alloc; thread safe.
// Source: APPNOTE.TXT 6.3 (zip); IHE ITI TF-2 3.32 (XDM); clinical documents section 6.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace direct::xdm {

namespace limits {
/// Members of one package: as many documents as one document may hold (plugins/host).
inline constexpr std::size_t members_max = 1000;
/// Bytes of a member's name: what file systems allow for a whole path of some depth.
inline constexpr std::size_t name_max = 1024;
}  // namespace limits

struct Member {
    std::string name;  ///< as written, '\' as '/'; UTF-8 or bytes of unknown meaning
    std::uint64_t packed = 0, size = 0, offset = 0;  ///< bytes; where its local header stands
    std::uint64_t data = 0;                          ///< where its packed bytes begin
    std::uint32_t crc = 0;
    unsigned method = 0;  ///< 0 stored, 8 deflated
    std::string
        unreadable;  ///< why its bytes cannot be had: "encrypted", "a symbolic link"...; "" = they can
    bool leads_out = false;  ///< absolute, with a drive, or with ".."
    bool odd_name = false;   ///< control characters, or longer than name_max (then cut)
    bool backslash = false;  ///< the name had '\'
    bool duplicate = false;  ///< an earlier member has the name, case aside
};

struct Zip {
    std::string_view bytes;
    std::vector<Member> members;  ///< no folders; in order of the directory
    std::string damage;           ///< why the package cannot be read; then there are no members
    bool limit = false;           ///< damage is a limit of ours
};

/// Reads the directory. Never unpacks.
Zip read_zip(std::string_view bytes);

/// The bytes of a member, or `why` it has none: its length and CRC-32 must be what the directory says. No more
/// than its told size is ever unpacked.
std::string unpack(const Zip& zip, const Member& member, std::string& why);

}  // namespace direct::xdm
