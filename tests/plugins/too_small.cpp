// too_small.cpp - a plugin whose struct ends before parse().
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
    DIRECT_PARSER_ABI_MAJOR, sizeof(direct_parser) - sizeof(void*), "small", "1", recognise, parse};
}  // namespace

extern "C" const direct_parser* direct_parser_v1(void)
{
    static_cast<void>(recognise);
    static_cast<void>(parse);
    return &parser;
}
