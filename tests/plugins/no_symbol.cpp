// no_symbol.cpp - a library that is no plugin.
#include "plugins/parser_plugin.h"

namespace {
int recognise(const direct_document*)
{
    return 100;
}
direct_parse_status parse(const direct_host*, const direct_document*)
{
    return DIRECT_PARSED;
}
const direct_parser parser = {DIRECT_PARSER_ABI_MAJOR, sizeof(direct_parser), "none", "1", recognise, parse};
}  // namespace

extern "C" const direct_parser* some_other_name(void)
{
    static_cast<void>(recognise);
    static_cast<void>(parse);
    return &parser;
}
