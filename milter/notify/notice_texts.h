// notice_texts.h - the words of notifications and failure reports, per language, from files a site may replace one by one.
//
// A language is a folder of nine files: processed, dispatched, failed and report, each .subject and .txt (mustache), and
// reasons.txt ("token | what happened | what the sender can do"). A file is looked for in notify.templates, then in the
// installed folder. All are read and tried when the settings are; what is missing or broken is a fault that is told, and
// stands in the program's own English meanwhile: what we owe is told in any case. Never given to a template: subject,
// body or names of the original. Immutable afterwards, thread safe.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conf/settings.h"
#include "milter/notify/dsn.h"

namespace direct {

class NoticeTexts {
public:
    /// The program's own English, for every language.
    NoticeTexts();
    /// The texts for the languages of all domains. Never fails: what is wrong stands in faults().
    static std::shared_ptr<const NoticeTexts> load(const Settings& settings);

    /// "FILE: what is wrong with it", in order.
    const std::vector<std::string>& faults() const { return faults_; }

    struct About {
        std::string disposition;  ///< processed | dispatched | failed
        std::string recipient;    ///< of the original
        std::string token;        ///< why, for failed
        std::vector<std::string> warnings;
    };
    /// @param language  of the domain in whose name it speaks
    NoticeText disposition(const std::string& language, const About& about) const;
    NoticeText failure(const std::string& language, const FailureReport& report) const;

    /// Every token a notice may carry: the refusals of reasons.def, and what can happen after a message was taken.
    static std::vector<std::string> tokens();

private:
    struct Words {
        std::string what, advice;
    };
    struct Language {
        std::map<std::string, std::string, std::less<>> files;  // "failed.txt" -> its source
        std::map<std::string, Words, std::less<>> reasons;
    };
    void read_language(const std::string& language, const std::string& site_folder);
    const Language& in(const std::string& language) const;
    const Words& words_for(const Language& language, std::string_view token) const;

    Language english_;
    std::map<std::string, Language, std::less<>> languages_;  // as the domains name them
    std::vector<std::string> faults_;
};

/// Folder of the texts that came with the program. Default: /usr/share/direct/notices where it exists, else conf/notices of
/// the build's source. Call before threads.
void set_installed_notices(std::string path);

}  // namespace direct
