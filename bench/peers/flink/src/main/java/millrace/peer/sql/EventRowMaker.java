package millrace.peer.sql;

import millrace.peer.generator.NexmarkGenerator;
import millrace.peer.generator.NexmarkGenerator.BidDraw;
import millrace.peer.generator.NexmarkOptions;
import millrace.peer.model.Auction;
import millrace.peer.model.Event;
import millrace.peer.model.Person;
import millrace.peer.source.RecordMaker;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;

/** Nexmark events as the wide row of the public benchmark: event_type, and a row of which one of three is not null. */
public final class EventRowMaker implements RecordMaker<RowData> {
    private static final long serialVersionUID = 1;

    private final NexmarkOptions options;
    private final TypeInformation<RowData> type;
    private transient NexmarkGenerator generator;
    private transient BidRows bids;
    private transient BidDraw draw;

    public EventRowMaker(NexmarkOptions options, TypeInformation<RowData> type) {
        this.options = options;
        this.type = type;
    }

    @Override
    public void open() {
        generator = new NexmarkGenerator(options);
        bids = new BidRows(generator.pools);
        draw = new BidDraw();
    }

    @Override
    public RowData make(long index) {
        GenericRowData row = new GenericRowData(4);
        long number = generator.numberOf(index);
        long group = number / NexmarkGenerator.EVENTS_PER_GROUP;
        if (number - group * NexmarkGenerator.EVENTS_PER_GROUP >= NexmarkGenerator.FIRST_BID_OF_GROUP) {
            generator.drawBid(number, group, generator.timeOf(number), draw);
            row.setField(0, Event.BID);
            row.setField(3, bids.rowOf(draw));
            return row;
        }
        Event event = generator.eventAt(index);
        row.setField(0, event.type);
        if (event.type == Event.PERSON) {
            row.setField(1, rowOf(event.person));
        } else {
            row.setField(2, rowOf(event.auction));
        }
        return row;
    }

    @Override
    public TypeInformation<RowData> type() {
        return type;
    }

    private static GenericRowData rowOf(Person person) {
        return GenericRowData.of(
                person.id,
                StringData.fromString(person.name),
                StringData.fromString(person.emailAddress),
                StringData.fromString(person.creditCard),
                StringData.fromString(person.city),
                StringData.fromString(person.state),
                TimestampData.fromEpochMillis(person.dateTime),
                StringData.fromString(person.extra));
    }

    private static GenericRowData rowOf(Auction auction) {
        return GenericRowData.of(
                auction.id,
                StringData.fromString(auction.itemName),
                StringData.fromString(auction.description),
                auction.initialBid,
                auction.reserve,
                TimestampData.fromEpochMillis(auction.dateTime),
                TimestampData.fromEpochMillis(auction.expires),
                auction.seller,
                auction.category,
                StringData.fromString(auction.extra));
    }
}
