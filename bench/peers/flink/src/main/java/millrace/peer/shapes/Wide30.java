package millrace.peer.shapes;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixDouble;
import static millrace.peer.digest.RowDigest.mixInteger;
import static millrace.peer.digest.RowDigest.mixString;

/** A record with 30 fields. */
public class Wide30 implements WideRecord {
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
    public String f10;
    public double f11;
    public long f12;
    public String f13;
    public double f14;
    public long f15;
    public String f16;
    public double f17;
    public long f18;
    public String f19;
    public double f20;
    public long f21;
    public String f22;
    public double f23;
    public long f24;
    public String f25;
    public double f26;
    public long f27;
    public String f28;
    public double f29;

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
        f10 = values.text(hash * 0xfa8cfb85);
        f11 = values.amount(hash * 0x36fbeee7);
        f12 = values.integer(hash * 0x736ae249);
        f13 = values.text(hash * 0xafd9d5ab);
        f14 = values.amount(hash * 0xec48c90d);
        f15 = values.integer(hash * 0x28b7bc6f);
        f16 = values.text(hash * 0x6526afd1);
        f17 = values.amount(hash * 0xa195a333);
        f18 = values.integer(hash * 0xde049695);
        f19 = values.text(hash * 0x1a7389f7);
        f20 = values.amount(hash * 0x56e27d59);
        f21 = values.integer(hash * 0x935170bb);
        f22 = values.text(hash * 0xcfc0641d);
        f23 = values.amount(hash * 0x0c2f577f);
        f24 = values.integer(hash * 0x489e4ae1);
        f25 = values.text(hash * 0x850d3e43);
        f26 = values.amount(hash * 0xc17c31a5);
        f27 = values.integer(hash * 0xfdeb2507);
        f28 = values.text(hash * 0x3a5a1869);
        f29 = values.amount(hash * 0x76c90bcb);
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
        hash = mixInteger(hash, f9);
        hash = mixString(hash, f10);
        hash = mixDouble(hash, f11);
        hash = mixInteger(hash, f12);
        hash = mixString(hash, f13);
        hash = mixDouble(hash, f14);
        hash = mixInteger(hash, f15);
        hash = mixString(hash, f16);
        hash = mixDouble(hash, f17);
        hash = mixInteger(hash, f18);
        hash = mixString(hash, f19);
        hash = mixDouble(hash, f20);
        hash = mixInteger(hash, f21);
        hash = mixString(hash, f22);
        hash = mixDouble(hash, f23);
        hash = mixInteger(hash, f24);
        hash = mixString(hash, f25);
        hash = mixDouble(hash, f26);
        hash = mixInteger(hash, f27);
        hash = mixString(hash, f28);
        return mixDouble(hash, f29);
    }
}
