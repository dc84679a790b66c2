/* parser_plugin.h - the whole contract between direct-milter and a parser plugin.
 *
 * Plain C, so that any compiler and any C++ library version can meet here. A plugin runs in a
 * direct-parse child: no network, no files, a memory and a time limit. It may crash; the child is then
 * replaced, the document kept raw, and not offered to the same plugin version again.
 *
 * Rules
 *   - Bytes are always borrowed: the giver owns them for the duration of the call, the taker copies
 *     what it wants to keep. Nobody frees the other's memory. Text is UTF-8 without NUL at its end.
 *   - JSON is one object per call (RFC 8259): nothing but blanks around it, at most 64 levels deep, well-formed UTF-8, no
 *     \u0000 and no lone surrogate in its strings; at most `max_json` bytes, `max_document` in document().
 *   - A word (section, kind) is 1 to 64 characters of A-Z a-z 0-9 _ - and is made up by the plugin, never taken from the
 *     document: words are shown to people who may not see health data.
 *   - A host function that returns non-zero means: stop now and return DIRECT_LIMIT. The call broke a rule or went over a
 *     limit; every later call returns non-zero as well, and whatever parse() returns, the document ends with the reason
 *     of that first call: "crashed" for a broken rule, "limit" for a limit.
 *   - The library is loaded once per child and called from one thread. The system call filter stands when recognise() and
 *     parse() are called: no file, socket, process, thread, waiting or time zone.
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

/* Found by the loader also where a plugin is built with -fvisibility=hidden. */
#if defined(__GNUC__)
#define DIRECT_PARSER_EXPORT __attribute__((visibility("default")))
#else
#define DIRECT_PARSER_EXPORT
#endif

typedef struct {
    const char* data;
    size_t len;
} direct_bytes;

typedef enum {
    DIRECT_PARSED = 0,    /* read, and document() was called; what could not be read was told with skip() */
    DIRECT_NOT_MINE = 1,  /* looked like mine, is not: what was told is forgotten, the next plugin is asked */
    DIRECT_MALFORMED = 2, /* mine, but not readable at all; the last note() is the reason */
    DIRECT_LIMIT =
        3 /* a limit of the host or of the plugin was hit; the last note() is the plugin's reason */
} direct_parse_status;

/* One thing found in a document. */
typedef struct {
    size_t size;          /* sizeof(direct_item) at plugin build */
    direct_bytes section; /* a word, the place: "allergies", "results", ..., "other" */
    direct_bytes kind;    /* a word, what it is: "allergy", "medication", ... */
    /* The whole item as one JSON object. Its members "section" and "kind" are those above: the host puts them in where
     * they are missing, and in the place of others. */
    direct_bytes json;
} direct_item;

/* A document inside the document (XDM package, unstructured body): read as an attachment of its own. At most 1000 in one
 * document, 1000 in all of an attachment, three levels deep; those that lie deeper are named and not read, of those that are too many it is said how many. */
typedef struct {
    size_t size;             /* sizeof(direct_child) at plugin build */
    direct_bytes filename;   /* may be empty; cut after 1024 bytes */
    direct_bytes media_type; /* "application/pdf" or empty; cut after 1024 bytes */
    direct_bytes content;    /* any bytes */
    direct_bytes json;       /* what the container says of it: JSON object or empty */
} direct_child;

/* What is given to parse(). A document larger than plugins.document_max is never offered; an empty one may be. */
typedef struct {
    size_t size;
    direct_bytes content;
    direct_bytes media_type; /* as declared, lower case; a hint */
    direct_bytes charset;    /* charset parameter or empty; a hint */
    direct_bytes filename;   /* a hint */
} direct_document;

/* What the host offers to the plugin. All of one answer together: at most 8 times the document's bytes + 16 MiB. */
typedef struct {
    size_t size;
    void* context; /* pass back unchanged */
    /* Exactly once for a document that is read: the "document" object, with a member "kind" ("weight"). A member "plugin"
     * is the host's and is left out. */
    int (*document)(void* context, direct_bytes json);
    /* At most max_items times. */
    int (*item)(void* context, const direct_item* item);
    /* What could not be read: a section (a word) and why, for the admin; a reason is cut after 1024 bytes, those after the
     * thousandth are dropped. No health data. */
    int (*skip)(void* context, direct_bytes section, direct_bytes reason);
    /* One line for the admin; cut after 1024 bytes, those after the hundredth are dropped, controls become blanks. No
     * health data. */
    int (*note)(void* context, direct_bytes text);
    int (*child)(void* context, const direct_child* child);
    uint64_t max_items; /* at most so many item() calls (setting plugins.items_max) */
    uint64_t max_json;  /* bytes of the JSON of an item or child (1 MiB) */
    /* Bytes of the document object (4 MiB), which holds what was written for readers. Beyond `size`, or 0: max_json. */
    uint64_t max_document;
} direct_host;

/* What a plugin offers to the host. */
typedef struct {
    uint32_t abi_major; /* DIRECT_PARSER_ABI_MAJOR, always first */
    size_t size;        /* sizeof(direct_parser) at plugin build */
    const char*
        name; /* "ccda"; 1 to 64 characters of a-z 0-9 _ -; static storage; one plugin per name and folder */
    const char* version; /* "1.0"; 1 to 64 characters of a-z 0-9 _ - . + ~; static storage */
    /* Cheap look at no more than the first 64 KiB: 0 = not mine .. 100 = surely mine; anything else counts as 0. The
     * highest is asked first, of equals the one whose file name comes first. The plugin `file` says 1 to everything. */
    int (*recognise)(const direct_document* head);
    direct_parse_status (*parse)(const direct_host* host, const direct_document* document);
} direct_parser;

/* The only exported symbol. The result has static storage. */
DIRECT_PARSER_EXPORT const direct_parser* direct_parser_v1(void);

#ifdef __cplusplus
}
#endif
#endif
