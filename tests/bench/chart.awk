# chart.awk - lines "series<TAB>clients<TAB>per second<TAB>p99 ms" as an SVG: rate and p99 against clients.
#
# Both axes are logarithmic: what matters is a factor, and the limits are far apart.
BEGIN { FS = "\t"; W = 420; H = 300; L = 70; T = 40; n = 0
    split("#444444 #1b7837 #762a83 #b35806 #2166ac #c51b7d #01665e #8c510a", color, " ") }
$3 > 0 {
    if (!($1 in number)) { number[$1] = ++n; name[n] = $1 }
    k = ++points[$1]; x[$1, k] = $2; y[$1, k, 1] = $3; y[$1, k, 2] = $4
    if (!xlow || $2 < xlow) xlow = $2
    if ($2 > xhigh) xhigh = $2
    for (p = 1; p <= 2; p++) if ($(p + 2) > 0) {
        if (!low[p] || $(p + 2) < low[p]) low[p] = $(p + 2)
        if ($(p + 2) > high[p]) high[p] = $(p + 2)
    }
}
function log10(v) { return log(v) / log(10) }
function floor(v) { return v < 0 && v != int(v) ? int(v) - 1 : int(v) }
function px(v) { return left + (xhigh > xlow ? (log(v) - log(xlow)) / (log(xhigh) - log(xlow)) : 0.5) * W }
function py(v, p) { return T + H - (log10(v) - bottom[p]) / (top[p] - bottom[p]) * H }
function panel(p, title,    i, k, d, list, s) {
    left = L + (p - 1) * (W + L + 20)
    bottom[p] = floor(log10(low[p])); top[p] = floor(log10(high[p])) + 1
    printf "<text x=\"%d\" y=\"%d\" class=\"t\">%s</text>\n", left, T - 15, title
    printf "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#999\"/>\n", left, T, W, H
    for (d = bottom[p]; d <= top[p]; d++)
        printf "<path d=\"M%d %.1fh%d\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
            left, py(10 ^ d, p), W, left - 6, py(10 ^ d, p) + 4, 10 ^ d
    for (i in ticks) printf "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n", px(i), T + H + 18, i
    for (s = 1; s <= n; s++) {
        list = ""
        for (k = 1; k <= points[name[s]]; k++) if (y[name[s], k, p] > 0) {
            list = list sprintf(" %.1f,%.1f", px(x[name[s], k]), py(y[name[s], k, p], p))
            printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", px(x[name[s], k]), py(y[name[s], k, p], p), color[s]
        }
        printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", list, color[s]
    }
}
END {
    if (!n) exit 1
    for (s = 1; s <= n; s++) for (k = 1; k <= points[name[s]]; k++) ticks[x[name[s], k]] = 1
    height = T + H + 50 + n * 18
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n", 2 * (W + L) + 40, height
    print "<style>.t{font-size:15px;font-weight:bold}</style><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
    panel(1, "per second, against clients"); panel(2, "p99 in ms, against clients")
    for (s = 1; s <= n; s++)
        printf "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"4\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">%s</text>\n",
            L, T + H + 38 + s * 18, color[s], L + 22, T + H + 44 + s * 18, name[s]
    print "</svg>"
}
