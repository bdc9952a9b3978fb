<?php
require_once 'function.php';
session_start();
$chat = 'chat' . md5($_SERVER['HTTP_ORIGIN'] ?? '') . md5(session_id());
$line = file_get_contents(__DIR__ . '/line_id.txt');
if ($_POST['type'] == 'chat_history') {
    foreach (chat_read($chat) as $item) {
        $side = empty($item['im']) ? 'right' : 'left';
        $color = empty($item['im']) ? '#ccf2ff' : '#fbfbfb';
        echo '<div class="col-12 alert alert-warning text-' . $side . '" style=" background-color: ' . $color . '">'
            . to_html($item['message']['text']) . '</div>';
    }
} else {
    $message = [
        'user' => ['id' => $chat, 'name' => htmlspecialchars($_POST['name'] ?? '')],
        'message' => ['id' => false, 'date' => time(), 'text' => htmlspecialchars($_POST['message'])],
        'chat' => ['id' => $chat, 'url' => htmlspecialchars($_SERVER['HTTP_REFERER'] ?? '')],
    ];
    $id = chat_append($chat, $message);
    $result = ['error' => 'error_save'];
    if ($id !== false) {
        $message['message']['id'] = $id;
        $arguments = ['CONNECTOR' => 'bench_php', 'LINE' => $line, 'MESSAGES' => [$message]];
        $result = portal_call('imconnector.send.messages', $arguments);
    }
    echo json_encode(['chat' => $chat, 'post' => $_POST, 'result' => $result]);
}
