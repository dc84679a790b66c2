/* A milter that does nothing: what the comparison in postfix_ratio.py costs by itself.
 * null_milter SOCKET null|skip   null: every step answered; skip: only the end of message is asked for. */
#include <libmilter/mfapi.h>
#include <string.h>

static int skip;

static sfsistat negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2, unsigned long f3,
                          unsigned long *pf0, unsigned long *pf1, unsigned long *pf2, unsigned long *pf3)
{
    (void)ctx, (void)f0, (void)f2, (void)f3;
    *pf0 = 0;
    *pf1 = skip ? f1 & (SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NORCPT | SMFIP_NOBODY | SMFIP_NOHDRS |
                        SMFIP_NOEOH | SMFIP_NOUNKNOWN | SMFIP_NODATA)
                : 0;
    *pf2 = *pf3 = 0;
    return SMFIS_CONTINUE;
}
static sfsistat text(SMFICTX *ctx, char *a) { (void)ctx, (void)a; return SMFIS_CONTINUE; }
static sfsistat path(SMFICTX *ctx, char **a) { (void)ctx, (void)a; return SMFIS_CONTINUE; }
static sfsistat header(SMFICTX *ctx, char *n, char *v) { (void)ctx, (void)n, (void)v; return SMFIS_CONTINUE; }
static sfsistat peer(SMFICTX *ctx, char *n, _SOCK_ADDR *a) { (void)ctx, (void)n, (void)a; return SMFIS_CONTINUE; }
static sfsistat body(SMFICTX *ctx, unsigned char *b, size_t n) { (void)ctx, (void)b, (void)n; return SMFIS_CONTINUE; }
static sfsistat step(SMFICTX *ctx) { (void)ctx; return SMFIS_CONTINUE; }
static sfsistat end(SMFICTX *ctx) { (void)ctx; return SMFIS_ACCEPT; }

int main(int argc, char **argv)
{
    struct smfiDesc d;
    if (argc != 3) return 2;
    skip = strcmp(argv[2], "skip") == 0;
    memset(&d, 0, sizeof d);
    d.xxfi_name = "null";
    d.xxfi_version = SMFI_VERSION;
    d.xxfi_negotiate = negotiate;
    d.xxfi_connect = peer;
    d.xxfi_helo = text;
    d.xxfi_envfrom = path;
    d.xxfi_envrcpt = path;
    d.xxfi_header = header;
    d.xxfi_eoh = step;
    d.xxfi_body = body;
    d.xxfi_eom = end;
    if (smfi_register(d) != MI_SUCCESS || smfi_setconn(argv[1]) != MI_SUCCESS) return 1;
    return smfi_main() == MI_SUCCESS ? 0 : 1;
}
