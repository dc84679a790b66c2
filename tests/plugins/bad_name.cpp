// bad_name.cpp - a plugin whose name would forge a log line.
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
    DIRECT_PARSER_ABI_MAJOR, sizeof(direct_parser), "bad name\\n", "1", recognise, parse};
}  // namespace

extern "C" const direct_parser* direct_parser_v1(void)
{
    static_cast<void>(recognise);
    static_cast<void>(parse);
    return &parser;
}
