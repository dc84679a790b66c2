// prepare.cpp - the part of hand_over.h that runs before and inside a message's own transaction.
#include "milter/items/hand_over.h"

namespace direct {

Result<PreparedDocuments> PreparedDocuments::prepare(RecordStore& store, std::string_view message,
                                                     const MimeLimits& limits)
{
    PreparedDocuments out;
    Status stored = Done{};
    CHECK(for_each_attachment(message, limits, [&](Attachment&& a) {
        auto content = store.prepare(a.bytes);
        if (!content) {
            stored = fail(std::move(content).error());
            return false;
        }
        DocumentRecord d;
        d.part = a.part;
        d.filename = std::move(a.filename);
        d.declared_type = std::move(a.declared_type);
        d.charset = std::move(a.charset);
        d.state = "pending";
        d.content = (*content)->ref();
        out.documents_.push_back(std::move(d));
        out.contents_.push_back(*std::move(content));
        return true;
    }));
    CHECK(stored);
    return out;
}

Status PreparedDocuments::owe(WriteTxn& txn, std::string_view message_id) const
{
    for (std::size_t i = 0; i < documents_.size(); ++i) {
        CHECK(contents_[i]->attach(txn));
        DocumentRecord d = documents_[i];
        d.message_id = message_id;
        const std::string key = part_key(message_id, d.part);
        CHECK(txn.put(Table::document, key, encode(d)));
        CHECK(txn.put(Table::pending, key, ""));
    }
    return Done{};
}

void PreparedDocuments::keep()
{
    for (auto& content : contents_) content->keep();
}

}  // namespace direct
