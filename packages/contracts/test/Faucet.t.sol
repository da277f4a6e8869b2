// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Faucet} from "../sol/Faucet.sol";
import {Token} from "../sol/Token.sol";
import {vm} from "./Vm.sol";

contract FaucetTest {
    Token private token;
    Faucet private faucet;

    function setUp() external {
        vm.warp(1_000_000);
        token = new Token(address(this), 100 ether);
        faucet = new Faucet(IERC20(address(token)), 10 ether, 1 ether, 60, 3);
        token.transfer(address(faucet), 100 ether);
        vm.deal(address(faucet), 100 ether);
    }

    function to(uint256 i) private pure returns (address payable) {
        return payable(address(uint160(0x1000 + i)));
    }

    function test_a_drip_is_tokens_and_coins_once_an_interval() external {
        faucet.drip(to(1));
        assert(token.balanceOf(to(1)) == 10 ether && to(1).balance == 1 ether);
        vm.expectRevert(abi.encodeWithSelector(Faucet.TooSoon.selector, to(1), block.timestamp, block.timestamp + 60));
        faucet.drip(to(1));
        vm.warp(block.timestamp + 60);
        faucet.drip(to(1));
        assert(to(1).balance == 2 ether);
    }

    function test_all_together_get_a_bounded_number_an_interval() external {
        for (uint256 i = 0; i < 3; ++i) {
            faucet.drip(to(i));
        }
        vm.expectRevert(abi.encodeWithSelector(Faucet.TooMany.selector, 3, 3, block.timestamp + 60));
        faucet.drip(to(3));
        vm.warp(block.timestamp + 60);
        faucet.drip(to(3));
    }

    function test_what_it_cannot_pay_is_not_counted() external {
        vm.deal(address(faucet), 0);
        vm.expectRevert(abi.encodeWithSelector(Faucet.PaymentFailed.selector, to(1), 1 ether));
        faucet.drip(to(1));
        assert(faucet.nextTime(to(1)) == 0 && token.balanceOf(to(1)) == 0);
    }
}
