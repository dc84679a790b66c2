// export_folder.h - the folder of an export: made under another name beside its place, filled, and renamed when it
// is whole. Nothing is ever written over; a folder that was not finished is removed. Faults: input (it is there
// already), configuration (cannot be made or written).
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "conf/settings.h"
#include "milter/base/crypto.h"
#include "milter/base/result.h"

namespace direct::ctl {

inline constexpr std::size_t export_name_max = 80;  ///< bytes of a sender's file name that are kept

/// What is left of a sender's file name: letters, digits, '.', '-', '_' and letters beyond ASCII, nothing that
/// leads elsewhere, hides, or changes how it is read; the end with its type is kept. May be empty.
std::string safe_file_name(std::string_view given);

/// One file being written: mode 0600, new. One that was not finished is removed. The folder outlives it.
class ExportFile {
public:
    ExportFile(int folder, std::string name);
    ~ExportFile();
    ExportFile(const ExportFile&) = delete;
    ExportFile& operator=(const ExportFile&) = delete;
    Status write(std::string_view bytes);
    /// Flushes and syncs; the SHA-256 of what was written, 32 bytes.
    Result<std::string> finish();

private:
    Status flush();
    int folder_;
    std::string name_, buffer_;
    int fd_;
    Sha256 hash_;
};

class ExportFolder {
public:
    /// Makes the folder under its passing name, with "files" inside, 0700. It belongs to the store's owner when that
    /// is who will write (`owner`: a file of his).
    static Result<std::unique_ptr<ExportFolder>> make(const std::string& path, const std::string& owner);
    ~ExportFolder();
    ExportFolder(const ExportFolder&) = delete;
    ExportFolder& operator=(const ExportFolder&) = delete;
    int folder() const { return folder_; }  ///< open, so that whoever may not pass its parents can write
    int files() const { return files_; }
    /// Gives it its name.
    Status finish();

private:
    ExportFolder(std::string path, std::string passing) : path_(std::move(path)), passing_(std::move(passing))
    {
    }
    std::string path_, passing_;
    int folder_ = -1, files_ = -1;
    bool finished_ = false;
};

}  // namespace direct::ctl
