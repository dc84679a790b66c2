// milter_socket.h - the socket libmilter listens on: its name, and what libmilter does not set on it.
#pragma once
#include <string>

#include "milter/base/result.h"

namespace direct {

/// "unix:/p" and "inet:h:p" to libmilter's "unix:/p" and "inet:p@h". Fault: configuration.
Result<std::string> libmilter_socket(const std::string& postfix_spelling);

/// Every TCP socket this process listens on gives its connections what is written at once (TCP_NODELAY; tcp(7): inherited
/// from the listener). libmilter writes each edit for itself and sets nothing: with milter.socket = inet:... each answer of
/// more than one packet waited for an acknowledgement that Postfix's host puts off, 40 ms and more for each message.
/// libmilter keeps its descriptor to itself, so all of ours are looked at; call it after smfi_opensocket(), once.
void listeners_send_at_once();

}  // namespace direct
