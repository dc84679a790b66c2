// fields.h - the fields of a certificate that a policy can name, made from fields.def.
//
// Inside policy/expr only. Nothing is read before a policy asks for it. Pure, thread safe.
#pragma once
#include <span>
#include <string_view>

#include "policy/certificate.h"
#include "policy/expr/value.h"

namespace direct::expr {

/// What reading a field found.
struct FieldValue {
    bool present = true;  ///< false: the value is the default of a field that is not there
    Value value;
};

struct FieldRow {
    enum class Standing : unsigned char { read, newer, not_read };
    std::string_view name;  ///< without "+"
    Kind kind;
    Standing standing;
    bool may_be_required;
    /// Fault: policy, when the certificate's bytes do not say what the field's rules want.
    Result<FieldValue> (*read)(const Certificate&, int detail, Arena&);
    int detail;
};

std::span<const FieldRow> field_rows();
/// The longest field name at the beginning of `text`; nullptr when there is none.
const FieldRow* field_at(std::string_view text, bool direct_1);

}  // namespace direct::expr
