package millrace.peer.shapes;

import static millrace.peer.digest.RowDigest.ROW_START;
import static millrace.peer.digest.RowDigest.mixInteger;

import java.time.Duration;
import millrace.peer.Arguments;
import millrace.peer.digest.DigestSink;
import millrace.peer.model.Bid;
import millrace.peer.source.BidMaker;
import millrace.peer.source.ChangeMaker;
import millrace.peer.source.GeneratorSource;
import millrace.peer.window.BestOfWindow;
import millrace.peer.window.Counting;
import millrace.peer.window.KeyCount;
import millrace.peer.window.WithKeyAndWindow;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;

/** The shapes in the DataStream API. {@code bench/shapes/README.md} defines them and their rows. */
public final class Shapes {
    /** Fields of a wide record, unless {@code --fields} says otherwise. */
    public static final long WIDE_FIELDS = 10;

    private static final long WIDE_KEYS = 1_000;
    private static final long CHANGE_KEYS = 2_000_000;
    private static final double AMOUNT_MIN = 1_048_576;

    private Shapes() {}

    public static void build(String shape, Arguments arguments, StreamExecutionEnvironment env) {
        if (shape.equals("wide")) {
            wide(wideMaker(arguments), arguments, env);
            return;
        }
        if (shape.equals("large-state")) {
            accounts(arguments, env);
            return;
        }
        DataStream<Bid> bids = env.fromSource(
                new GeneratorSource<>(new BidMaker(arguments.nexmark(), arguments.keys()), arguments.events()),
                WatermarkStrategy.<Bid>forBoundedOutOfOrderness(Duration.ofMillis(arguments.watermarkDelayMs()))
                        .withTimestampAssigner((bid, previous) -> bid.dateTime),
                "bids");
        Duration size = Duration.ofMillis(arguments.sizeMs());
        Duration slide = Duration.ofMillis(arguments.slideMs());
        switch (shape) {
            case "chain" -> fees(bids.filter(Shapes::isWanted));
            case "exchange" -> fees(bids.filter(Shapes::isWanted).rebalance());
            case "keyed-tumbling" -> counts(bids, TumblingEventTimeWindows.of(size))
                    .sinkTo(new DigestSink<>(Shapes::mixCount));
            case "sliding" -> counts(bids, SlidingEventTimeWindows.of(size, slide))
                    .sinkTo(new DigestSink<>(Shapes::mixCount));
            case "sliding-best" -> counts(bids, SlidingEventTimeWindows.of(size, slide))
                    .keyBy(row -> row.windowEnd)
                    .process(new BestOfWindow())
                    .sinkTo(new DigestSink<>(Shapes::mixCount));
            case "running-sum" -> bids.keyBy(bid -> bid.auction)
                    .process(new RunningSum())
                    .sinkTo(new DigestSink<>(row -> mixInteger(mixInteger(ROW_START, row.auction), row.total)));
            default -> throw new IllegalArgumentException("There is no shape " + shape);
        }
    }

    public static class Converted {
        public long auction;
        public long bidder;
        public long cents;
        public long dateTime;
    }

    public static class Fee {
        public long auction;
        public long bidder;
        public long fee;
        public long dateTime;
    }

    private static boolean isWanted(Bid bid) {
        return bid.price >= 1_000;
    }

    private static void fees(DataStream<Bid> bids) {
        bids.map(Shapes::converted).map(Shapes::feeOf).sinkTo(new DigestSink<>(Shapes::mixFee));
    }

    private static Converted converted(Bid bid) {
        Converted row = new Converted();
        row.auction = bid.auction;
        row.bidder = bid.bidder;
        row.cents = bid.price * 908 / 1_000;
        row.dateTime = bid.dateTime;
        return row;
    }

    private static Fee feeOf(Converted converted) {
        Fee row = new Fee();
        row.auction = converted.auction;
        row.bidder = converted.bidder;
        row.fee = converted.cents / 50;
        row.dateTime = converted.dateTime;
        return row;
    }

    private static int mixFee(Fee row) {
        int hash = mixInteger(ROW_START, row.auction);
        hash = mixInteger(hash, row.bidder);
        hash = mixInteger(hash, row.fee);
        return mixInteger(hash, row.dateTime);
    }

    private static SingleOutputStreamOperator<KeyCount> counts(
            DataStream<Bid> bids, WindowAssigner<Object, TimeWindow> windows) {
        return bids.keyBy(bid -> bid.auction).window(windows).aggregate(new Counting<>(), new WithKeyAndWindow());
    }

    private static int mixCount(KeyCount row) {
        return mixInteger(mixInteger(mixInteger(ROW_START, row.key), row.windowEnd), row.count);
    }

    /** The records of the shape large-state. */
    public static ChangeMaker changeMaker(Arguments arguments) {
        return new ChangeMaker(
                arguments.nexmark().seed, arguments.number("keys", CHANGE_KEYS), arguments.decimal("skew", 0));
    }

    private static void accounts(Arguments arguments, StreamExecutionEnvironment env) {
        env.fromSource(
                        new GeneratorSource<>(changeMaker(arguments), arguments.events()),
                        WatermarkStrategy.noWatermarks(),
                        "changes")
                .keyBy(change -> change.key)
                .process(new Accounts())
                .sinkTo(new DigestSink<>(Shapes::mixAccount));
    }

    private static int mixAccount(Accounts.Row row) {
        int hash = mixInteger(mixInteger(ROW_START, row.key), row.count);
        return mixInteger(mixInteger(hash, row.total), row.average);
    }

    /** The records of the shape wide, by the argument {@code --fields}. */
    public static WideMaker<?> wideMaker(Arguments arguments) {
        long fields = arguments.number("fields", WIDE_FIELDS);
        if (fields == 3) {
            return wideMaker(arguments, Wide3.class, Wide3::new);
        } else if (fields == 10) {
            return wideMaker(arguments, Wide10.class, Wide10::new);
        } else if (fields == 30) {
            return wideMaker(arguments, Wide30.class, Wide30::new);
        } else if (fields == 60) {
            return wideMaker(arguments, Wide60.class, Wide60::new);
        }
        throw new IllegalArgumentException("--fields is 3, 10, 30 or 60, not " + fields);
    }

    private static <W extends WideRecord> WideMaker<W> wideMaker(
            Arguments arguments, Class<W> type, WideMaker.Empty<W> empty) {
        return new WideMaker<>(arguments.nexmark(), arguments.number("keys", WIDE_KEYS), type, empty);
    }

    private static <W extends WideRecord> void wide(
            WideMaker<W> maker, Arguments arguments, StreamExecutionEnvironment env) {
        env.fromSource(
                        new GeneratorSource<>(maker, arguments.events()), WatermarkStrategy.noWatermarks(), "records")
                .keyBy(record -> record.key())
                .filter(record -> record.amount() >= AMOUNT_MIN)
                .sinkTo(new DigestSink<>(record -> record.mix()));
    }
}
