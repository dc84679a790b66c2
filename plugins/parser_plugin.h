/* parser_plugin.h - the whole contract between direct-milter and a parser plugin.
 *
 * Plain C, so that any compiler and any C++ library version can meet here. A plugin runs in a
 * direct-parse child: no network, no files, a memory and a time limit. It may crash; the child is then
 * replaced, the document kept raw, and not offered to the same plugin version again.
 *
 * Rules
 *   - Bytes are always borrowed: the giver owns them for the duration of the call, the taker copies
 *     what it wants to keep. Nobody frees the other's memory. Text is UTF-8 without NUL at its end.
 *   - JSON handed to the host is one object per call, UTF-8, at most `max_json` bytes (`max_document` of document()).
 *   - A host function returning non-zero means: stop now, return DIRECT_LIMIT.
 *   - The library is loaded once per child and called from one thread.
 *
 * Growing the contract: fields are only added at the end; `size` says how many bytes of the struct the
 * other side knows; a field beyond `size` does not exist. The ABI major number changes only when an old
 * plugin could be harmed, and then the loader refuses it by name.
 */
#ifndef DIRECT_PARSER_PLUGIN_H
#define DIRECT_PARSER_PLUGIN_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define DIRECT_PARSER_ABI_MAJOR 1u

typedef struct {
    const char* data;
    size_t len;
} direct_bytes;

typedef enum {
    DIRECT_PARSED = 0,    /* read; what could not be read was told with skip() */
    DIRECT_NOT_MINE = 1,  /* looked like mine, is not: the next plugin is asked */
    DIRECT_MALFORMED = 2, /* mine, but not readable at all */
    DIRECT_LIMIT = 3      /* a limit of the host or of the plugin was hit */
} direct_parse_status;

/* One thing found in a document. */
typedef struct {
    size_t size;          /* sizeof(direct_item) at plugin build */
    direct_bytes section; /* the place: "allergies", "results", ..., "other" */
    direct_bytes kind;    /* what it is: "allergy", "medication", ... */
    direct_bytes json;    /* the whole item as one JSON object, section and kind included */
} direct_item;

/* A document inside the document (XDM package, unstructured body): read as an attachment of its own. */
typedef struct {
    size_t size;
    direct_bytes filename;
    direct_bytes media_type;
    direct_bytes content;
    direct_bytes json; /* what the container says of it: JSON object or empty */
} direct_child;

/* What is given to parse(). */
typedef struct {
    size_t size;
    direct_bytes content;
    direct_bytes media_type; /* as declared, lower case; a hint */
    direct_bytes charset;    /* charset parameter or empty; a hint */
    direct_bytes filename;   /* a hint */
} direct_document;

/* What the host offers to the plugin. */
typedef struct {
    size_t size;
    void* context;                                     /* pass back unchanged */
    int (*document)(void* context, direct_bytes json); /* once: the "document" object */
    int (*item)(void* context, const direct_item* item);
    int (*skip)(void* context, direct_bytes section, direct_bytes reason);
    int (*note)(void* context, direct_bytes text); /* for the admin; no health data */
    int (*child)(void* context, const direct_child* child);
    uint64_t max_items; /* at most so many item() calls */
    uint64_t max_json;  /* bytes of one JSON object */
    /* Bytes of the document object, which holds what was written for readers. Beyond `size`, or 0: max_json. */
    uint64_t max_document;
} direct_host;

/* What a plugin offers to the host. */
typedef struct {
    uint32_t abi_major;  /* DIRECT_PARSER_ABI_MAJOR, always first */
    size_t size;         /* sizeof(direct_parser) at plugin build */
    const char* name;    /* "ccda"; lower case, static storage */
    const char* version; /* "1.0"; static storage */
    /* Cheap look at no more than the first 64 KiB: 0 = not mine .. 100 = surely mine. */
    int (*recognise)(const direct_document* head);
    direct_parse_status (*parse)(const direct_host* host, const direct_document* document);
} direct_parser;

/* The only exported symbol. The result has static storage. */
const direct_parser* direct_parser_v1(void);

#ifdef __cplusplus
}
#endif
#endif
