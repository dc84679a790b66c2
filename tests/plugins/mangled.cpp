// mangled.cpp - a plugin whose author forgot extern "C".
struct direct_parser;
const direct_parser* direct_parser_v1(void)
{
    return nullptr;
}
