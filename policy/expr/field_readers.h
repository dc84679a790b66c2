// field_readers.h - one function per kind of field. Inside policy/expr only; used through fields.h.
#pragma once
#include "policy/expr/fields.h"

namespace direct::expr::read {

/// Instead of an attribute's NID: the whole name; and 2.5.4.64, for which OpenSSL has no number.
constexpr int whole_name = -1, general_qualifier = -2;

using Found = Result<FieldValue>;
Found signature_algorithm(const Certificate&, int, Arena&);
Found serial_number(const Certificate&, int, Arena&);
Found key_algorithm(const Certificate&, int, Arena&);
Found key_size(const Certificate&, int, Arena&);
Found key_bits(const Certificate&, int, Arena&);
Found valid_from(const Certificate&, int, Arena&);
Found valid_to(const Certificate&, int, Arena&);
Found issuer(const Certificate&, int, Arena&);
Found subject(const Certificate&, int, Arena&);
Found key_usage(const Certificate&, int, Arena&);
Found alternative_names(const Certificate&, int, Arena&);
Found subject_key_id(const Certificate&, int, Arena&);
Found authority_key_id(const Certificate&, int, Arena&);
Found certificate_policies(const Certificate&, int, Arena&);
Found basic_constraints(const Certificate&, int, Arena&);
Found extended_key_usage(const Certificate&, int, Arena&);
Found crl_points(const Certificate&, int, Arena&);
Found authority_access(const Certificate&, int, Arena&);
Found name_constraints(const Certificate&, int, Arena&);

}  // namespace direct::expr::read
