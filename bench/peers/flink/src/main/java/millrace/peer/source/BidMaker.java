package millrace.peer.source;

import millrace.peer.generator.BidGenerator;
import millrace.peer.generator.NexmarkOptions;
import millrace.peer.model.Bid;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;

/** Bids alone as POJOs. */
public final class BidMaker implements RecordMaker<Bid> {
    private static final long serialVersionUID = 1;

    private final NexmarkOptions options;
    private final long keys;
    private transient BidGenerator generator;

    public BidMaker(NexmarkOptions options, long keys) {
        this.options = options;
        this.keys = keys;
    }

    @Override
    public void open() {
        generator = new BidGenerator(options, keys);
    }

    @Override
    public Bid make(long index) {
        return generator.bidAt(index);
    }

    @Override
    public TypeInformation<Bid> type() {
        return Types.POJO(Bid.class);
    }
}
