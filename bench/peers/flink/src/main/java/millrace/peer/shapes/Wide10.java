package millrace.peer.shapes;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixDouble;
import static millrace.peer.digest.RowDigest.mixInteger;
import static millrace.peer.digest.RowDigest.mixString;

/** A record with 10 fields. */
public class Wide10 implements WideRecord {
    public long f0;
    public String f1;
    public double f2;
    public long f3;
    public String f4;
    public double f5;
    public long f6;
    public String f7;
    public double f8;
    public long f9;

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
        f3 = values.integer(hash * 0x538453d7);
        f4 = values.text(hash * 0x8ff34739);
        f5 = values.amount(hash * 0xcc623a9b);
        f6 = values.integer(hash * 0x08d12dfd);
        f7 = values.text(hash * 0x4540215f);
        f8 = values.amount(hash * 0x81af14c1);
        f9 = values.integer(hash * 0xbe1e0823);
    }

    @Override
    public int mix() {
        int hash = mixInteger(ROW_START, f0);
        hash = mixString(hash, f1);
        hash = mixDouble(hash, f2);
        hash = mixInteger(hash, f3);
        hash = mixString(hash, f4);
        hash = mixDouble(hash, f5);
        hash = mixInteger(hash, f6);
        hash = mixString(hash, f7);
        hash = mixDouble(hash, f8);
        return mixInteger(hash, f9);
    }
}
