package millrace.peer.digest;

/** What the sinks of this process have digested. Jobs run in the process of their main class, so a static sum will do. */
public final class DigestTotals {
    private static final RowDigest TOTAL = new RowDigest();

    private DigestTotals() {}

    public static synchronized void add(RowDigest digest) {
        TOTAL.addAll(digest);
    }

    public static synchronized RowDigest total() {
        return TOTAL;
    }
}
