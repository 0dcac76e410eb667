package millrace.peer.shapes;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixDouble;
import static millrace.peer.digest.RowDigest.mixInteger;
import static millrace.peer.digest.RowDigest.mixString;

/** A record with 60 fields. */
public class Wide60 implements WideRecord {
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
    public long f30;
    public String f31;
    public double f32;
    public long f33;
    public String f34;
    public double f35;
    public long f36;
    public String f37;
    public double f38;
    public long f39;
    public String f40;
    public double f41;
    public long f42;
    public String f43;
    public double f44;
    public long f45;
    public String f46;
    public double f47;
    public long f48;
    public String f49;
    public double f50;
    public long f51;
    public String f52;
    public double f53;
    public long f54;
    public String f55;
    public double f56;
    public long f57;
    public String f58;
    public double f59;

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
        f30 = values.integer(hash * 0xb337ff2d);
        f31 = values.text(hash * 0xefa6f28f);
        f32 = values.amount(hash * 0x2c15e5f1);
        f33 = values.integer(hash * 0x6884d953);
        f34 = values.text(hash * 0xa4f3ccb5);
        f35 = values.amount(hash * 0xe162c017);
        f36 = values.integer(hash * 0x1dd1b379);
        f37 = values.text(hash * 0x5a40a6db);
        f38 = values.amount(hash * 0x96af9a3d);
        f39 = values.integer(hash * 0xd31e8d9f);
        f40 = values.text(hash * 0x0f8d8101);
        f41 = values.amount(hash * 0x4bfc7463);
        f42 = values.integer(hash * 0x886b67c5);
        f43 = values.text(hash * 0xc4da5b27);
        f44 = values.amount(hash * 0x01494e89);
        f45 = values.integer(hash * 0x3db841eb);
        f46 = values.text(hash * 0x7a27354d);
        f47 = values.amount(hash * 0xb69628af);
        f48 = values.integer(hash * 0xf3051c11);
        f49 = values.text(hash * 0x2f740f73);
        f50 = values.amount(hash * 0x6be302d5);
        f51 = values.integer(hash * 0xa851f637);
        f52 = values.text(hash * 0xe4c0e999);
        f53 = values.amount(hash * 0x212fdcfb);
        f54 = values.integer(hash * 0x5d9ed05d);
        f55 = values.text(hash * 0x9a0dc3bf);
        f56 = values.amount(hash * 0xd67cb721);
        f57 = values.integer(hash * 0x12ebaa83);
        f58 = values.text(hash * 0x4f5a9de5);
        f59 = values.amount(hash * 0x8bc99147);
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
        hash = mixDouble(hash, f29);
        hash = mixInteger(hash, f30);
        hash = mixString(hash, f31);
        hash = mixDouble(hash, f32);
        hash = mixInteger(hash, f33);
        hash = mixString(hash, f34);
        hash = mixDouble(hash, f35);
        hash = mixInteger(hash, f36);
        hash = mixString(hash, f37);
        hash = mixDouble(hash, f38);
        hash = mixInteger(hash, f39);
        hash = mixString(hash, f40);
        hash = mixDouble(hash, f41);
        hash = mixInteger(hash, f42);
        hash = mixString(hash, f43);
        hash = mixDouble(hash, f44);
        hash = mixInteger(hash, f45);
        hash = mixString(hash, f46);
        hash = mixDouble(hash, f47);
        hash = mixInteger(hash, f48);
        hash = mixString(hash, f49);
        hash = mixDouble(hash, f50);
        hash = mixInteger(hash, f51);
        hash = mixString(hash, f52);
        hash = mixDouble(hash, f53);
        hash = mixInteger(hash, f54);
        hash = mixString(hash, f55);
        hash = mixDouble(hash, f56);
        hash = mixInteger(hash, f57);
        hash = mixString(hash, f58);
        return mixDouble(hash, f59);
    }
}
