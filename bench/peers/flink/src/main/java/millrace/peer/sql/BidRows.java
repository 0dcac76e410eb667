package millrace.peer.sql;

import millrace.peer.generator.NexmarkGenerator.BidDraw;
import millrace.peer.generator.TextPools;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;

/** Rows of bids: auction, bidder, price, channel, url, dateTime, extra. */
final class BidRows {
    private final StringData[] channels;
    private final StringData[] urls;
    private final StringData[] extras;

    BidRows(TextPools pools) {
        channels = PooledStrings.of(pools.channels);
        urls = PooledStrings.of(pools.urls);
        extras = PooledStrings.of(pools.bidExtras);
    }

    GenericRowData rowOf(BidDraw draw) {
        GenericRowData row = new GenericRowData(7);
        row.setField(0, draw.auction);
        row.setField(1, draw.bidder);
        row.setField(2, draw.price);
        row.setField(3, channels[draw.channel]);
        row.setField(4, urls[draw.channel]);
        row.setField(5, TimestampData.fromEpochMillis(draw.dateTime));
        row.setField(6, extras[draw.extra]);
        return row;
    }
}
