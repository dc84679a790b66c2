// fetch.cpp - see fetch.h. Every redirect is a new request of ours, so that it passes the same checks.
#include "policy/discovery/fetch.h"

#include <curl/curl.h>
#include <signal.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "milter/base/handle.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"

namespace direct {
namespace {

/// Asking again would bring the same.
Fault for_good(std::string why)
{
    return refuse(Reason::malformed, std::move(why));
}

using Easy = Handle<CURL, &curl_easy_cleanup>;
using Url = Handle<CURLU, &curl_url_cleanup>;
using Lines = Handle<curl_slist, &curl_slist_free_all>;
using CurlText = Handle<char, &curl_free>;
using Steady = std::chrono::steady_clock;

constexpr std::size_t url_max = 2048;
// A server's whole header, every hop anew: an honest one has a kilobyte.
constexpr std::size_t header_max = 64 * 1024;
// A validator longer than this is not sent back: the next answer then comes whole.
constexpr std::size_t validator_max = 512;
constexpr std::int64_t fresh_max_seconds = 30 * 86400;

/// A server that closes while we write must not end the process: libcurl leaves SIGPIPE to us, and OpenSSL
/// writes without MSG_NOSIGNAL. For this thread and this scope only.
class NoPipeSignal {
public:
    NoPipeSignal()
    {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~NoPipeSignal()
    {
        const timespec now{};
        if (!was_pending_)
            while (sigtimedwait(&pipe_, nullptr, &now) > 0) {
            }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    NoPipeSignal(const NoPipeSignal&) = delete;
    NoPipeSignal& operator=(const NoPipeSignal&) = delete;

private:
    sigset_t pipe_, before_;
    bool was_pending_ = false;
};

/// What the callbacks of one transfer write to.
struct Transfer {
    const AddressGuard& guard;
    std::size_t bytes_max;
    std::string body;
    std::size_t header_bytes = 0;
    std::string refused_address;
    bool too_large = false, header_too_large = false;
};

curl_socket_t open_socket(void* context, curlsocktype, curl_sockaddr* to)
{
    auto* transfer = static_cast<Transfer*>(context);
    if (!transfer->guard.allows(&to->addr)) {
        transfer->refused_address = AddressGuard::text_of(&to->addr);
        return CURL_SOCKET_BAD;
    }
    return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

std::size_t take_body(char* bytes, std::size_t one, std::size_t count, void* context)
{
    auto* transfer = static_cast<Transfer*>(context);
    const std::size_t n = one * count;
    if (n > transfer->bytes_max - transfer->body.size()) {
        transfer->too_large = true;
        return 0;
    }
    transfer->body.append(bytes, n);
    return n;
}

std::size_t take_header(char*, std::size_t one, std::size_t count, void* context)
{
    auto* transfer = static_cast<Transfer*>(context);
    transfer->header_bytes += one * count;
    transfer->header_too_large = transfer->header_bytes > header_max;
    return transfer->header_too_large ? 0 : one * count;
}

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0)
{
    char* text = nullptr;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
    CurlText owned(text);
    return text;
}

struct Target {
    std::string url;  ///< without fragment
    bool https = false;
};

/// What may be asked at all, before any name is resolved.
Result<Target> check_url(const std::string& text)
{
    if (text.size() > url_max) return fail(for_good("a URL longer than " + std::to_string(url_max)));
    Url url(curl_url());
    if (!url) return fail(temporary("no memory for a URL"));
    if (auto e = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME))
        return fail(for_good(text + ": " + curl_url_strerror(e)));
    std::string scheme = part_of(url.get(), CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https")
        return fail(for_good(text + ": \"" + scheme + "\" is not fetched, only http and https"));
    if (!part_of(url.get(), CURLUPART_USER).empty() || !part_of(url.get(), CURLUPART_PASSWORD).empty())
        return fail(for_good("a URL with a user or password is not fetched"));
    if (!part_of(url.get(), CURLUPART_ZONEID).empty())
        return fail(for_good(text + ": an address with a zone is not fetched"));
    std::string port = part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
    unsigned number = 0;
    std::from_chars(port.data(), port.data() + port.size(), number);
    if (number == 0 || (number < 1024 && number != 80 && number != 443))
        return fail(for_good(text + ": port " + port + " is not fetched from (80, 443, 1024 and up are)"));
    curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
    return Target{part_of(url.get(), CURLUPART_URL), scheme == "https"};
}

std::string header_of(CURL* easy, const char* name)
{
    curl_header* found = nullptr;
    return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value : "";
}

std::optional<std::int64_t> number_of(std::string_view text)
{
    std::int64_t n = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error == std::errc::result_out_of_range) return fresh_max_seconds;
    if (error != std::errc{} || end != text.data() + text.size() || n < 0) return {};
    return n;
}

/// Seconds the answer may be used, by what the server says of it (RFC 9111 section 4.2.1).
std::optional<std::int64_t> lifetime(CURL* easy)
{
    std::int64_t age = number_of(header_of(easy, "Age")).value_or(0);
    std::string control = ascii_lower(header_of(easy, "Cache-Control"));
    std::optional<std::int64_t> max_age;
    for (auto one : split(control, ',')) {
        one = trim(one);
        if (one == "no-store" || one == "no-cache") return 0;
        if (one.starts_with("max-age=")) max_age = number_of(one.substr(8));
    }
    if (max_age) return std::max<std::int64_t>(0, *max_age - age);
    std::string expires = header_of(easy, "Expires"), date = header_of(easy, "Date");
    if (expires.empty()) return {};
    std::int64_t until = curl_getdate(expires.c_str(), nullptr), from = curl_getdate(date.c_str(), nullptr);
    if (until < 0 || from < 0) return 0;
    return std::max<std::int64_t>(0, until - from - age);
}

bool add_line(Lines& lines, const std::string& line)
{
    curl_slist* longer = curl_slist_append(lines.get(), line.c_str());
    if (!longer) return false;
    static_cast<void>(lines.release());
    lines.reset(longer);
    return true;
}

bool usable_validator(const std::string& v)
{
    return !v.empty() && v.size() <= validator_max && std::all_of(v.begin(), v.end(), [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    });
}

Result<Lines> request_lines(const FetchRequest& request)
{
    Lines lines;
    bool good = add_line(lines, "Accept: */*");
    if (usable_validator(request.etag)) good = good && add_line(lines, "If-None-Match: " + request.etag);
    if (usable_validator(request.last_modified))
        good = good && add_line(lines, "If-Modified-Since: " + request.last_modified);
    if (!request.body.empty())
        good = good && add_line(lines, "Content-Type: " + request.body_type) && add_line(lines, "Expect:");
    if (!good) return fail(temporary("no memory for a request"));
    return lines;
}

void limit(CURL* easy, const FetchOptions& o, Transfer& transfer, milliseconds left)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // a slow name server does not hold us past the time
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, long(std::min(o.connect_timeout, left).count()));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, long(left.count()));
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, curl_off_t(transfer.bytes_max));
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
}

void refuse_extras(CURL* easy, const FetchOptions& o)
{
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, long(CURL_NETRC_IGNORED));
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, long(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, long(CURL_SSLVERSION_TLSv1_2));
    if (!o.ca_file.empty()) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, o.ca_file.c_str());
        curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    }
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "direct-milter");
}

Fault trouble_of(CURLcode code, const char* text, const std::string& url, const Transfer& transfer)
{
    if (transfer.too_large || code == CURLE_FILESIZE_EXCEEDED)
        return for_good(url + ": larger than " + std::to_string(transfer.bytes_max) + " bytes");
    if (transfer.header_too_large)
        return for_good(url + ": its header is larger than " + std::to_string(header_max) + " bytes");
    if (!transfer.refused_address.empty() &&
        (code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT))
        return for_good(url + ": leads to " + transfer.refused_address +
                        ", which is no public address (fetch.allow_networks lists exceptions)");
    return temporary(url + ": " + (*text ? text : curl_easy_strerror(code)));
}

/// 4xx speaks of the request, which will be the same; but for those two that say "later".
Fault trouble_of(long status, const std::string& url)
{
    auto why = url + ": answered with status " + std::to_string(status);
    const bool later = status >= 500 || status == 408 || status == 429;
    return later ? temporary(std::move(why)) : for_good(std::move(why));
}

struct Hop {
    FetchAnswer answer;
    std::string location;  ///< a redirect: whole URL
};

Result<Hop> transfer_once(const std::string& url, const FetchRequest& request, const FetchOptions& options,
                          const AddressGuard& guard, milliseconds left)
{
    Easy easy(curl_easy_init());
    if (!easy) return fail(temporary(url + ": no memory"));
    Transfer transfer{guard, request.bytes_max ? request.bytes_max : options.bytes_max, {}, 0, {}};
    char error[CURL_ERROR_SIZE] = "";
    TRY(Lines lines, request_lines(request));
    Lines names;
    for (const auto& one : options.resolve) add_line(names, one);
    limit(easy.get(), options, transfer, left);
    refuse_extras(easy.get(), options);
    curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, lines.get());
    if (names) curl_easy_setopt(easy.get(), CURLOPT_RESOLVE, names.get());
    if (!request.body.empty()) {
        curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.size()));
        curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, request.body.data());
    }
    if (CURLcode code = curl_easy_perform(easy.get()); code != CURLE_OK)
        return fail(trouble_of(code, error, url, transfer));

    Hop hop;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &hop.answer.status);
    char* location = nullptr;
    curl_easy_getinfo(easy.get(), CURLINFO_REDIRECT_URL, &location);
    if (location) hop.location = location;
    std::string encoding = ascii_lower(header_of(easy.get(), "Content-Encoding"));
    if (!encoding.empty() && encoding != "identity")
        return fail(for_good(url + ": answered in an encoding that was not asked for (" + encoding + ")"));
    hop.answer.body = std::move(transfer.body);
    hop.answer.etag = header_of(easy.get(), "ETag");
    hop.answer.last_modified = header_of(easy.get(), "Last-Modified");
    hop.answer.content_type = ascii_lower(trim(split(header_of(easy.get(), "Content-Type"), ';')[0]));
    if (auto s = lifetime(easy.get()))
        hop.answer.fresh_until = request.now + seconds(std::min(*s, fresh_max_seconds));
    return hop;
}

}  // namespace

Fetcher::Fetcher(FetchOptions options) : options_(std::move(options)), guard_(options_.allow_networks)
{
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    static_cast<void>(ready);  // without it every curl_easy_init() fails, which is a Fault of each fetch
}

Result<FetchAnswer> Fetcher::fetch(const FetchRequest& request, const Budget& budget) const
{
    Timed timed(Metric::fetch_seconds);
    NoPipeSignal no_pipe;
    count(Metric::fetches_total);
    auto answer = follow(request, budget);
    if (!answer) count(Metric::fetch_failures_total);
    return answer;
}

Result<FetchAnswer> Fetcher::follow(const FetchRequest& request, const Budget& budget) const
{
    const auto end = std::min(budget.deadline, Steady::now() + options_.total_timeout);
    TRY(Target target, check_url(request.url));
    for (int redirects = 0;; ++redirects) {
        auto left = std::chrono::duration_cast<milliseconds>(end - Steady::now());
        // libcurl takes 0 for "no limit".
        if (left.count() <= 0) return fail(temporary(target.url + ": the time for looking up is over"));
        TRY(Hop hop, transfer_once(target.url, request, options_, guard_, left));
        if (hop.answer.status == 200) return std::move(hop.answer);
        if (hop.answer.status == 304 && (!request.etag.empty() || !request.last_modified.empty())) {
            hop.answer.not_modified = true;
            hop.answer.body.clear();
            return std::move(hop.answer);
        }
        if (hop.location.empty() || !request.body.empty())
            return fail(trouble_of(hop.answer.status, target.url));
        if (redirects >= options_.redirects_max)
            return fail(for_good(request.url + ": more than " + std::to_string(options_.redirects_max) +
                                 " redirects"));
        auto next = check_url(hop.location);
        if (!next) return fail(because(request.url + " redirects", next.error()));
        if (target.https && !next->https)
            return fail(for_good(request.url + ": redirects from https to http (" + next->url + ")"));
        target = *std::move(next);
    }
}

}  // namespace direct
