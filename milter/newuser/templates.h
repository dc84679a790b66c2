// templates.h - the words of a notice, from files that a site may replace one by one. Inside this room
// only; mustache itself is seen by templates.cpp alone. Faults: configuration. Thread safe.
#pragma once
#include <string>
#include <vector>

#include "milter/base/result.h"

namespace direct {

struct NoticeLink {
    std::string link;     ///< empty: the site has no page address
    std::string code;     ///< as people read it
    std::string expires;  ///< "2026-12-22"
};
/// All that a notice may tell.
struct NoticeFacts {
    std::string sender;  ///< the sender's organisation
    std::string site;    ///< our organisation
    std::vector<NoticeLink> links;
    bool test = false;
};
struct NoticeWords {
    std::string subject, text, html;
};

/// The first of `language` ("pt-br"), its first part ("pt"), `otherwise` and "en" of which all three files
/// are found, each in the site's folder or the installed one.
Result<NoticeWords> notice_words(const NoticeFacts& facts, const std::string& site_folder,
                                 const std::string& language, const std::string& otherwise);

}  // namespace direct
