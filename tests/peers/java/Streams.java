/* Kafka Streams programs against the appliance: word count (a changelog and a repartition topic), and counts per key and
 * window of event time. Arguments: bootstrap servers, program, processing guarantee, application id, directory for state.
 * Reads topic "<application>-in", writes "<application>-out", until standard input ends.
 */
import java.time.Duration;
import java.util.Arrays;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;

public class Streams {
	public static void main(String[] arguments) throws Exception {
		String bootstrap = arguments[0], program = arguments[1], guarantee = arguments[2], application = arguments[3];
		Properties settings = new Properties();
		settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
		settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
		settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
		settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[4]);
		settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
		settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
		settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
		settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
		settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
		settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 6000);

		StreamsBuilder builder = new StreamsBuilder();
		KStream<String, String> lines = builder.stream(application + "-in");
		if (program.equals("words"))
			lines.flatMapValues(line -> Arrays.asList(line.toLowerCase().split("\\W+")))
				.groupBy((key, word) -> word)
				.count(Materialized.as("counts"))
				.toStream()
				.mapValues(count -> Long.toString(count))
				.to(application + "-out");
		else
			lines.groupByKey()
				.windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofSeconds(10)))
				.count()
				.toStream((window, count) -> window.key() + "@" + window.window().start())
				.mapValues(count -> Long.toString(count))
				.to(application + "-out");

		KafkaStreams streams = new KafkaStreams(builder.build(), settings);
		streams.setUncaughtExceptionHandler(error -> {
			error.printStackTrace();
			System.exit(3);
			return null;
		});
		streams.start();
		System.out.println("started");
		while (System.in.read() >= 0)
			continue;
		streams.close(Duration.ofSeconds(20));
		System.out.println("closed");
	}
}
