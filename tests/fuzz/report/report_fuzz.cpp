// Notifications that arrive. Whatever they hold: bounded, addresses that print parse again to the same, message ids that
// may stand in a field of ours, and a notice we make about them is read back.
#include <cstdlib>

#include "milter/notify/mdn.h"
#include "milter/notify/report_reader.h"

using namespace direct;

namespace {

void hold(bool property)
{
    if (!property) std::abort();
}

void check_address(const std::optional<Address>& a)
{
    if (!a) return;
    auto again = parse_address(a->text(), true);
    hold(again && *again == *a);
}

void check_message_id(const std::string& id)
{
    hold(id.empty() || (id.front() == '<' && id.back() == '>' && id.size() <= 500));
    for (unsigned char c : id) hold(c > 0x20 && c < 0x7f);
}

void check_disposition(const DispositionNotice& n)
{
    check_address(n.final_recipient);
    check_message_id(n.original_message_id);
    hold(n.failure.size() <= 200);
    if (!n.final_recipient || n.disposition.empty() || n.original_message_id.empty()) return;
    Mdn made{*n.final_recipient,
             *n.final_recipient,
             n.original_message_id,
             n.disposition,
             "",
             {},
             "x",
             "mx.test",
             {}};
    const auto bytes = make_mdn(made);
    auto entity = read_entity(bytes, {});
    hold(entity.has_value());
    auto again = read_disposition_notice(*entity, {});
    hold(again && again->disposition == n.disposition && again->original_message_id == n.original_message_id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const MimeLimits limits{64 * 1024, 50, 10};
    auto entity = read_entity(bytes, limits);
    if (!entity) return 0;
    static_cast<void>(notice_kind(*entity, limits));
    static_cast<void>(asks_for_final_delivery(entity->headers));
    static_cast<void>(is_automatic(entity->headers));
    if (auto notice = read_disposition_notice(*entity, limits)) check_disposition(*notice);
    if (auto notice = read_delivery_notice(*entity, limits)) {
        hold(notice->recipients.size() <= 1000);
        check_message_id(notice->original_message_id);
        for (const auto& r : notice->recipients) {
            check_address(r.final_recipient);
            check_address(r.original_recipient);
        }
    }
    return 0;
}
