/* ctl_report.c - otprefundctl report. */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

static const char *const names[JOURNAL_REPORT__MAX] = {
    [JOURNAL_REPORT_AGEING] = "ageing",
    [JOURNAL_REPORT_DAILY_TOTALS] = "daily-totals",
    [JOURNAL_REPORT_OPERATOR_TOTALS] = "operator-totals",
    [JOURNAL_REPORT_UNRESOLVED] = "unresolved",
    [JOURNAL_REPORT_MISMATCH] = "mismatch",
    [JOURNAL_REPORT_MANUAL] = "manual",
    [JOURNAL_REPORT_ACCESS] = "access",
};

int ctl_report(struct ctl *c, int argc, char **argv) {
    const char *name = NULL, *db = NULL;
    bool csv = false;
    const struct ctl_option options[] = {
        {"csv", NULL, &csv}, {"db", &db, NULL}, {NULL, NULL, NULL}};
    struct journal *j;
    struct otr_table t = {0};
    int n, code, report = 0;
    if (!ctl_arguments(c, argc, argv, options, &name, 1, &n, &code))
        return code;
    if (n < 1)
        return ctl_usage(c, "which report?", NULL);
    while (report < JOURNAL_REPORT__MAX && strcmp(names[report], name) != 0)
        report++;
    if (report == JOURNAL_REPORT__MAX)
        return ctl_usage(c, "unknown report", name);
    code = ctl_journal(c, db, &j);
    if (code != CTL_GOOD)
        return code;
    enum journal_status s = journal_report(j, (enum journal_report)report, &t);
    if (s == JOURNAL_OK)
        ctl_table(&t, csv);
    else
        code = ctl_fail(CTL_DATABASE, "the report could not be read", journal_status_text(s));
    otr_table_free(&t);
    journal_close(j);
    return code;
}
