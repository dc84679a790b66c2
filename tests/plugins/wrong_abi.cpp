// wrong_abi.cpp - a plugin of another ABI: refused by name.
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
const direct_parser parser = {
    DIRECT_PARSER_ABI_MAJOR + 8, sizeof(direct_parser), "wrong", "1", recognise, parse};
}  // namespace

extern "C" const direct_parser* direct_parser_v1(void)
{
    static_cast<void>(recognise);
    static_cast<void>(parse);
    return &parser;
}
