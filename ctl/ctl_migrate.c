/* ctl_migrate.c - otprefundctl migrate. */
#include <stdio.h>

#include "ctl/ctl.h"
#include "sql/migrate.h"

static void tell(void *context, int version, const char *name, bool changed) {
    (void)context, (void)version;
    if (changed)
        fprintf(stderr,
                "otprefundctl: warning: %s.sql was another file when this database took it\n",
                name);
    else
        printf("applied %s\n", name);
}

int ctl_migrate(struct ctl *c, int argc, char **argv) {
    const char *folder = NULL, *db = NULL;
    const struct ctl_option options[] = {
        {"folder", &folder, NULL}, {"db", &db, NULL}, {NULL, NULL, NULL}};
    char why[640] = "";
    int n, code;
    if (!ctl_arguments(c, argc, argv, options, NULL, 0, &n, &code))
        return code;
    const char *conninfo = ctl_conninfo(c, db);
    if (!conninfo)
        return CTL_SETTINGS;
    enum journal_status s = journal_migrate(conninfo, folder ? folder : OTPREFUND_DATADIR "/sql",
                                            tell, NULL, why, sizeof why);
    if (s != JOURNAL_OK)
        return ctl_fail(CTL_DATABASE, *why ? why : journal_status_text(s), NULL);
    printf("schema version %d\n", JOURNAL_SCHEMA_VERSION);
    return CTL_GOOD;
}
