<?php
require_once 'function.php';
foreach ($_REQUEST['data']['MESSAGES'] ?? [] as $message) {
    $id = chat_append($message['chat']['id'], $message);
    portal_call('imconnector.send.status.delivery', [
        'CONNECTOR' => 'bench_php',
        'LINE' => file_get_contents(__DIR__ . '/line_id.txt'),
        'MESSAGES' => [['im' => $message['im'], 'message' => ['id' => [$id]], 'chat' => ['id' => $message['chat']['id']]]],
    ]);
}
