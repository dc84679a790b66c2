// replay_main.cpp - the kept corpus as a normal test: every file of the folders given is handed to the
// fuzz target once, whole and cut in half, so that a crash found once stays found.
// Exit 2 when a folder holds nothing: a replay of nothing proves nothing.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void replay(const std::string& bytes)
{
    // A heap copy of exactly this size: AddressSanitizer sees one byte too far.
    const std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

}  // namespace

int main(int argc, char** argv)
{
    namespace fs = std::filesystem;
    if (argc < 2) {
        std::cerr << "usage: " << argv[0] << " FOLDER...\n";
        return 2;
    }
    for (int i = 1; i < argc; ++i) {
        std::vector<fs::path> files;
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(argv[i], error))
            if (entry.is_regular_file()) files.push_back(entry.path());
        if (error || files.empty()) {
            std::cerr << argv[i] << ": no corpus\n";
            return 2;
        }
        std::sort(files.begin(), files.end());
        for (const auto& file : files) {
            std::ifstream in(file, std::ios::binary);
            const std::string bytes((std::istreambuf_iterator<char>(in)), {});
            if (!in) {
                std::cerr << file << ": cannot be read\n";
                return 2;
            }
            std::cout << file.filename().string() << std::endl;  // the last name is the guilty one
            replay(bytes);
            replay(bytes.substr(0, bytes.size() / 2));
        }
        std::cout << argv[i] << ": " << files.size() << " inputs\n";
    }
    return 0;
}
