// transaction.h - one message, from MAIL FROM to the verdict: envelope, header, spool, the site it began
// with. Knows nothing of libmilter, so that tests drive it directly.
//
// Made at MAIL FROM, destroyed at end of message, abort and close, so nothing of one message can leak
// into the next. One thread at a time (libmilter may change the thread between calls).
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "milter/base/spool.h"
#include "milter/house.h"
#include "milter/plan.h"
#include "milter/route.h"
#include "milter/sta/partner.h"

namespace direct {

/// What is known of the connection and the login.
struct Peer {
    std::string session_id;   ///< names log lines until the queue id is known
    std::string client_ip;    ///< "" = not an IP client
    std::string daemon_name;  ///< {daemon_name}
    std::string login;        ///< {auth_authen}
};

class Transaction {
public:
    Transaction(std::shared_ptr<const Site> site, Peer peer, std::string envelope_from);

    void set_queue_id(const char* id);  ///< ties session and queue id together in the log, once
    void recipient(std::string path);
    /// @param value  as the MTA gives it: leading blank kept, folds as LF
    void header(std::string_view name, std::string_view value);
    /// False: no Direct domain of ours is involved; the MTA may have the message as it is, now.
    bool wants_body();
    void body(std::string_view chunk);
    /// Decides. Blocks for room, look-ups and the store's commit.
    Plan finish(House& house);

private:
    void append(std::string_view bytes);
    Result<std::string> read_spool() const;
    LookedUp look_up(const Address& from, Time now) const;
    Plan decide(House& house, const Route& way);
    Plan refused(House& house, Reason reason, const std::string& because, bool verified);

    std::shared_ptr<const Site> site_;
    Peer peer_;
    std::string envelope_from_, queue_id_;
    std::vector<Recipient> recipients_;
    std::vector<std::string> from_fields_, sender_fields_;
    std::vector<std::pair<std::string, int>> seen_;  ///< header names with their number among equals
    std::unordered_map<std::string, int> numbers_;   ///< by name in lower case
    Spool spool_;
    Status fault_ = Done{};
    std::size_t header_bytes_ = 0;
    Route route_;
    bool routed_ = false;
    bool is_sealed_ = false;  ///< by its Content-Type
};

}  // namespace direct
