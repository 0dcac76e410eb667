package millrace.peer.shapes;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixDouble;
import static millrace.peer.digest.RowDigest.mixInteger;
import static millrace.peer.digest.RowDigest.mixString;

/** A record with 3 fields. */
public class Wide3 implements WideRecord {
    public long f0;
    public String f1;
    public double f2;

    @Override
    public long key() {
        return f0;
    }

    @Override
    public double amount() {
        return f2;
    }

    @Override
    public void fill(WideValues values, int hash) {
        f0 = values.key(hash);
        f1 = values.text(hash * 0xdaa66d13);
        f2 = values.amount(hash * 0x17156075);
    }

    @Override
    public int mix() {
        int hash = mixInteger(ROW_START, f0);
        hash = mixString(hash, f1);
        return mixDouble(hash, f2);
    }
}
