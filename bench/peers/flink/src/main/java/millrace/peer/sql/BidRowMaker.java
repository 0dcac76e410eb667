package millrace.peer.sql;

import millrace.peer.generator.BidGenerator;
import millrace.peer.generator.NexmarkGenerator.BidDraw;
import millrace.peer.generator.NexmarkOptions;
import millrace.peer.source.RecordMaker;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.table.data.RowData;

/** Bids alone as rows. */
public final class BidRowMaker implements RecordMaker<RowData> {
    private static final long serialVersionUID = 1;

    private final NexmarkOptions options;
    private final long keys;
    private final TypeInformation<RowData> type;
    private transient BidGenerator generator;
    private transient BidRows bids;
    private transient BidDraw draw;

    public BidRowMaker(NexmarkOptions options, long keys, TypeInformation<RowData> type) {
        this.options = options;
        this.keys = keys;
        this.type = type;
    }

    @Override
    public void open() {
        generator = new BidGenerator(options, keys);
        bids = new BidRows(generator.nexmark.pools);
        draw = new BidDraw();
    }

    @Override
    public RowData make(long index) {
        generator.drawBid(index, draw);
        return bids.rowOf(draw);
    }

    @Override
    public TypeInformation<RowData> type() {
        return type;
    }
}
